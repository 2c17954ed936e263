"""Plays nvidia-smi for one GPU whose figures follow a ledger: python3 nvidia_smi.py LEDGER [options]"""

import sys

from ledger import holders, total_mb


def main() -> None:
    folder, options = sys.argv[1], sys.argv[2:]
    query = next((option.partition("=")[2] for option in options if option.startswith("--query-")), None)
    if "-L" in options:
        print("GPU 0: Stand-in (UUID: GPU-00000000-0000-0000-0000-000000000000)")
    elif query is None:
        sys.exit("nvidia_smi.py: only -L, --query-gpu and --query-compute-apps are played")
    elif any(option.startswith("--query-gpu") for option in options):
        print(", ".join(str(figures(folder)[name]) for name in query.split(",")))
    else:
        for holder in holders(folder):
            row = {"pid": holder.pid, "process_name": holder.name, "used_memory": holder.mb}
            print(", ".join(str(row[name]) for name in query.split(",")))


def figures(folder: str) -> dict[str, object]:
    total = total_mb(folder)
    used = sum(holder.mb for holder in holders(folder))
    return {
        "index": 0,
        "name": "Stand-in",
        "memory.total": total,
        "memory.used": used,
        "memory.free": max(0, total - used),
    }


if __name__ == "__main__":
    main()
