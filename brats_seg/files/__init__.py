"""Files and folders that appear whole or not at all; JSON and YAML of unknown origin, read within bounds."""

from brats_seg.files.foreign import Ours, is_picture, refuse_foreign, says
from brats_seg.files.locks import locked
from brats_seg.files.names import distinct_names
from brats_seg.files.plain_values import parse_json, read_json, read_object, read_yaml
from brats_seg.files.reading import file_sha256, open_regular, read_bytes, read_text
from brats_seg.files.temporaries import remove_leftovers
from brats_seg.files.writing import remove, scratch_folder, whole_file, whole_folder, write_json, write_text

__all__ = [
    "Ours",
    "distinct_names",
    "file_sha256",
    "is_picture",
    "locked",
    "open_regular",
    "parse_json",
    "read_bytes",
    "read_json",
    "read_object",
    "read_text",
    "read_yaml",
    "refuse_foreign",
    "remove",
    "remove_leftovers",
    "says",
    "scratch_folder",
    "whole_file",
    "whole_folder",
    "write_json",
    "write_text",
]
