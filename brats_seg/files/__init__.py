"""Files and folders that appear whole or not at all; JSON and YAML of unknown origin, read within bounds."""

from brats_seg.files.names import distinct_names
from brats_seg.files.reading import (
    open_regular,
    parse_json,
    read_bytes,
    read_json,
    read_object,
    read_text,
    read_yaml,
)
from brats_seg.files.writing import whole_file, whole_folder, write_json, write_text

__all__ = [
    "distinct_names",
    "open_regular",
    "parse_json",
    "read_bytes",
    "read_json",
    "read_object",
    "read_text",
    "read_yaml",
    "whole_file",
    "whole_folder",
    "write_json",
    "write_text",
]
