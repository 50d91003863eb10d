#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds JSON files against a JSON schema.

usage: check.py [--closed] SCHEMA FILE…

--closed: a member that the schema does not describe is an error, too, so that what is added to a report is added to
its schema. Says what is wrong with which member, and exits 1; 0 when all is well. Needs Debian's python3-jsonschema.
"""
import json
import os
import pathlib
import sys
import warnings

DEBIAN = "/usr/bin/python3"


def closed(schema):
    """The same schema, in which objects with described members have no others."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "$schema" not in schema.get("properties", {}):
        out.setdefault("additionalProperties", False)
    return out


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def errors(path, document, is_closed=False):
    """Sentences, none when the document is valid."""
    import jsonschema  # pylint: disable=import-outside-toplevel
    change = closed if is_closed else lambda schema: schema
    schema = change(load(path))
    store = {each.resolve().as_uri(): change(load(each)) for each in pathlib.Path(path).resolve().parent.glob("*.schema.json")}
    store[schema.get("$id", schema.get("id", ""))] = schema  # nothing is fetched
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions have another way to resolve references as well
        kind = jsonschema.validators.validator_for(schema)
        kind.check_schema(schema)
        resolver = jsonschema.RefResolver(pathlib.Path(path).resolve().as_uri(), schema, store=store)
        found = kind(schema, resolver=resolver, format_checker=jsonschema.FormatChecker()).iter_errors(document)
        return [f"{'/'.join(map(str, error.absolute_path)) or 'the document'}: {error.message[:300]}" for error in found]


def main():
    arguments = sys.argv[1:]
    is_closed = arguments[:1] == ["--closed"]
    schema, *files = arguments[is_closed:]
    try:
        import jsonschema  # noqa: F401 pylint: disable=import-outside-toplevel,unused-import
    except ImportError:
        if os.path.realpath(sys.executable) == os.path.realpath(DEBIAN):
            sys.exit("python3-jsonschema is not installed (.ci/packages)")
        os.execv(DEBIAN, [DEBIAN, *sys.argv])
    bad = 0
    for name in files:
        for sentence in errors(schema, load(name), is_closed):
            print(f"{name}: {sentence}")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
