"""What the folders of finished folds say together: Table 2, paired differences, the choice of models, hard cases."""
