"""Makes the files of data/ with the running PyTorch (2.13.0): small archives that ZipWriter must reproduce byte for byte."""
import os
import pathlib
import zipfile

import torch

os.chdir(pathlib.Path(__file__).parent / "data")

with torch.random.fork_rng():
    torch.manual_seed(0)
    state = torch.nn.Linear(2, 1).state_dict()

torch.save(state, "lin.pth")
torch.save([torch.arange(3), torch.zeros(0), torch.ones(5, dtype=torch.uint8)], "empty.record.pth")  # root: empty.record
torch.serialization.set_crc32_options(False)
torch.save(state, "crc-off.pth")
torch.serialization.set_crc32_options(True)
torch.utils.serialization.config.save.storage_alignment = 1
torch.save(state, "alignment-1.pth")

# The same records as another tool packs them.
with zipfile.ZipFile("lin.pth") as source, zipfile.ZipFile("deflated.pth", "w", zipfile.ZIP_DEFLATED) as target:
    for name in source.namelist():
        target.writestr(zipfile.ZipInfo(name), source.read(name), zipfile.ZIP_DEFLATED)
