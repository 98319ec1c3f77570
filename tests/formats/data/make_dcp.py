"""Writes dcp/: a distributed checkpoint of four ranks (gloo, on this machine) with sharded tensors.

    python make_dcp.py dcp
"""
import os
import sys
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.distributed import checkpoint as dcp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor


def save(rank, folder):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29617")
    dist.init_process_group("gloo", rank=rank, world_size=4)
    mesh = init_device_mesh("cpu", (4,))
    whole = torch.arange(60, dtype=torch.float32).reshape(6, 10)
    dcp.save({"rows": distribute_tensor(whole, mesh, [Shard(0)]), "columns": distribute_tensor(whole, mesh, [Shard(1)]), "step": 7},
             checkpoint_id=folder)
    dist.destroy_process_group()


if __name__ == "__main__":
    mp.spawn(save, (sys.argv[1],), nprocs=4)
