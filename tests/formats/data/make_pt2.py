"""Writes the .pt2 files of this folder: the layout before PT2 archives, and a newer one with a pickled weight. Needs torch."""
import collections
import io
import json
import os
import zipfile

import torch

here = os.path.dirname(os.path.abspath(__file__))


def saved(obj):
    buffer = io.BytesIO()
    torch.save(obj, buffer)
    return buffer.getvalue()


with zipfile.ZipFile(os.path.join(here, "old.pt2"), "w") as out:
    out.writestr(zipfile.ZipInfo("version"), "8.7")
    out.writestr(zipfile.ZipInfo("serialized_exported_program.json"), "{}")
    out.writestr(zipfile.ZipInfo("serialized_state_dict.pt"), saved(collections.OrderedDict([("fc.weight", torch.arange(6.0).reshape(2, 3))])))
    out.writestr(zipfile.ZipInfo("serialized_constants.pt"), saved({"scale": torch.tensor([0.5])}))

meta = {"dtype": 7, "sizes": [{"as_int": 3}, {"as_int": 2}], "requires_grad": True, "device": {"type": "cpu", "index": None},
        "strides": [{"as_int": 1}, {"as_int": 3}], "storage_offset": {"as_int": 0}, "layout": 7}
config = {"config": {"w": {"path_name": "weight_0", "is_param": True, "use_pickle": False, "tensor_meta": meta},
                     "tied": {"path_name": "weight_0", "is_param": False, "use_pickle": False, "tensor_meta": meta},
                     "p": {"path_name": "weight_1", "is_param": False, "use_pickle": True, "tensor_meta": None}}}
writer = torch._C.PyTorchFileWriter(os.path.join(here, "pickled.pt2"))
for name, data in (("archive_format", b"pt2"), ("archive_version", b"0"), ("data/weights/weight_0", torch.arange(6.0).numpy().tobytes()),
                   ("data/weights/weight_1", saved(torch.tensor([7, 8]))), ("data/weights/model_weights_config.json", json.dumps(config).encode()),
                   ("models/model.json", b"{}"), (".data/version", b"6\n")):
    writer.write_record(name, data, len(data))
writer.write_end_of_file()
