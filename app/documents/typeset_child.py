"""Run by itself, apart from the program: a paper's blocks on standard input, a PDF or a picture on standard output.

It knows no database, no key and no address; it reads its own folder only, for at most so many seconds of
computing. Reads one JSON object {"format", "sheet", "paper"}; prints the bytes. Source: ADR 0017.
"""

import json
import os
import resource
import sys
from pathlib import Path

SECONDS, MEMORY = 20, 3 * 2**30


def main() -> int:
    """Typeset one paper."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    import typst  # noqa: PLC0415 - only once the limits hold

    asked = json.load(sys.stdin.buffer)
    here = Path(__file__).resolve().parent
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(here / "fonts")])
    compiler = typst.Compiler(
        str(here / "paper.typ"),
        root=str(here),
        font_paths=fonts,
        sys_inputs={"paper": json.dumps(asked["paper"], ensure_ascii=False)},
        package_path=os.devnull,
        package_cache_path=os.devnull,
    )
    if asked["format"] == "count":
        count = compiler.compile(format="png", ppi=4)
        sys.stdout.write(str(len(count) if isinstance(count, list) else 1))
        return 0
    more = {"pdf_standards": ["a-2a"], "timestamp": asked["at"]} if asked["format"] == "pdf" else {"ppi": asked["ppi"]}
    made = compiler.compile(format=asked["format"], **more)
    sheets = made if isinstance(made, list) else [made]
    if asked["sheet"] > len(sheets):
        return 4
    sys.stdout.buffer.write(sheets[asked["sheet"] - 1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
