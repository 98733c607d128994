"""Print the least version of every dependency's range, as constraints for pip.

python bin/lowest.py [NAME==VERSION ...]     # what is named here is taken instead
"""

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
instead = {Requirement(word).name: word for word in sys.argv[1:]}
for requirement in map(Requirement, project["dependencies"]):
    least = next(part.version for part in requirement.specifier if part.operator == ">=")
    print(instead.get(requirement.name, f"{requirement.name}=={least}"))
