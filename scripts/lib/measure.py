"""What the scripts that measure have in common: made-up companies, runs of the program, and tables of the docs."""
import hashlib
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TARGET = os.path.join(ROOT, os.environ.get("CARGO_TARGET_DIR", "target"))
PROGRAM = os.path.join(TARGET, "release", "skovik-sync")
DOCS = os.path.join(ROOT, "docs", "performance.md")
URL = "http://127.0.0.1:8480/v1"
COLUMNS = "employee_id,email,first_name,last_name,legal_entity,manager_id,cost_center,status"
SETTINGS = f"""
[target]
kind = "skovik"
url = "{URL}"
[[source]]
name = "hr"
kind = "csv"
path = "employees.csv"
key = "employee_id"
[employee]
external_identifier = "{{{{ hr.employee_id }}}}"
primary_email = "{{{{ hr.email | lower }}}}"
first_name = "{{{{ hr.first_name }}}}"
last_name = "{{{{ hr.last_name }}}}"
branch = "{{{{ hr.legal_entity }}}}"
manager = "{{{{ hr.manager_id }}}}"
[employee.custom_fields]
"Cost center" = "{{{{ hr.cost_center }}}}"
[scope]
include = "hr.status == 'active'"
"""


def person(number):
    """The same person on both sides: number, e-mail, names, manager's number, cost centre."""
    manager = number // 8 if number >= 8 else ""
    return [number, f"first{number}.last{number}@example.com", f"First{number}", f"Last{number}", manager, 4100 + number % 50]


def row(number, email, first, last, manager, cost):
    return f"{number},{email},{first},{last},SE01,{manager},{cost},active\n"


def write_csv(path, people):
    with open(path, "w", encoding="utf-8") as out:
        out.write(COLUMNS + "\n")
        out.writelines(row(*one) for one in people)


def write_snapshot(path, people, url=URL):
    digest = hashlib.sha256()
    with open(path, "wb") as out:
        def line(value):
            data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            digest.update(data)
            out.write(data)
        line({"format": "skovik-sync/snapshot", "format_version": 1, "url": url})
        line({"branch": {"type": "branches", "id": "br_se", "attributes": {"name": "Example AB", "external_identifier": "SE01"}}})
        line({"custom_field": {"type": "custom-fields", "id": "cf_cost_center",
                               "attributes": {"name": "Cost center", "field_type": "text"}}})
        count = 0
        for number, email, first, last, manager, cost in people:
            count += 1
            boss = {"type": "users", "id": f"{manager:024x}"} if manager != "" else None
            line({"user": {"type": "users", "id": f"{number:024x}", "attributes": {
                "primary_email": email, "external_identifier": str(number), "first_name": first, "last_name": last,
                "roles": ["employee"], "custom_fields": {"cf_cost_center": str(cost)}, "external_metadata": {}},
                "relationships": {"manager": {"data": boss}, "branch": {"data": {"type": "branches", "id": "br_se"}}}}})
        counts = {"branches": 1, "custom_fields": 1, "users": count}
        line({"end": {"counts": counts, "sha256": "sha256:" + digest.hexdigest()}})


def write_settings(folder, settings=SETTINGS):
    with open(os.path.join(folder, "skovik-sync.toml"), "w", encoding="utf-8") as out:
        out.write(settings)


def apart(work, *arguments):
    """Does something in a process of its own: what a measured process is said to need includes what its parent had."""
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode != 0:
        sys.exit("the data could not be made")


class Run:
    """One run of a command: wall seconds, processor seconds, and peak memory in MiB."""

    def __init__(self, command, folder, codes=(0,)):
        began = time.monotonic()
        with open(os.path.join(folder, "out"), "wb") as out, open(os.path.join(folder, "err"), "wb") as err:
            process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err, env={**os.environ, "XDG_STATE_HOME": folder})
            _, status, usage = os.wait4(process.pid, 0)
        self.wall = time.monotonic() - began
        self.cpu = usage.ru_utime + usage.ru_stime
        self.memory = usage.ru_maxrss / 1024
        if os.waitstatus_to_exitcode(status) not in codes:
            with open(os.path.join(folder, "err"), encoding="utf-8") as err:
                sys.exit(f"{command} failed: {err.read()[:2000]}")


def plan(folder, codes=(0,)):
    """Makes a plan where there is none yet."""
    if os.path.exists(os.path.join(folder, "plan.json")):
        os.remove(os.path.join(folder, "plan.json"))
    return Run([PROGRAM, "plan", "--users", "users.jsonl", "--quiet"], folder, codes)


def median(runs, of):
    return statistics.median(of(run) for run in runs)


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def put(name, text, write):
    print(text, flush=True)
    if write:
        with open(DOCS, encoding="utf-8") as docs:
            before = docs.read()
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        after = re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: begin + text + end, before, flags=re.DOTALL)
        with open(DOCS, "w", encoding="utf-8") as docs:
            docs.write(after)
