"""Makes `core` importable in a service's environment. Run it with that environment's own python:

.venvs/llamacpp/bin/python gpu-services/core/install_pth.py
"""

import sysconfig
from pathlib import Path


def main() -> None:
    services = Path(__file__).resolve().parent.parent
    target = Path(sysconfig.get_paths()["purelib"]) / "roundhouse.pth"
    if not target.exists() or target.read_text() != f"{services}\n":
        target.write_text(f"{services}\n")
    print(target)


if __name__ == "__main__":
    main()
