"""Compares objects with the schemas of several Kubernetes versions; unknown fields are errors.

In: versions as arguments, a JSON array of objects on standard input. Out: a JSON object on standard output: "errors", and
the kinds that are none of Kubernetes' own ("foreign").
"""

import json
import sys
import warnings

import kubernetes_validate


def main() -> None:
    warnings.simplefilter("ignore")
    errors, foreign = [], set()
    for document in json.load(sys.stdin):
        name = f"{document['kind']} {document['metadata']['name']}"
        for version in sys.argv[1:]:
            try:
                kubernetes_validate.validate(document, version, True)
            except kubernetes_validate.SchemaNotFoundError:
                foreign.add(f"{document['apiVersion']} {document['kind']}")
            except kubernetes_validate.ValidationError as error:
                where = ".".join(str(part) for part in error.path)
                errors.append(f"{version}: {name}: {where}: {error.message}")
    json.dump({"errors": errors, "foreign": sorted(foreign)}, sys.stdout)


main()
