import os
import signal
from pathlib import Path

from devstack import processes
from devstack.children import Child, Program
from devstack.processes import Process
from devstack.roster import Role, Roster


def sleeper(tmp_path: Path) -> Child:
    log = tmp_path / "log"
    return Child(Program(command=["/bin/sleep", "60"], log=log, env=os.environ, cwd=tmp_path))


def test_what_reads_the_folder_ends_the_stack(tmp_path):
    children = [sleeper(tmp_path), sleeper(tmp_path)]
    roster = Roster(tmp_path, drain_seconds=1)
    roster.add(Role.WORKER, children[0].process)
    roster.add(Role.POSTGRES, children[1].process)
    Roster(tmp_path, drain_seconds=1).end()
    for child in children:
        child.reap()
    assert [child.status for child in children] == [-signal.SIGTERM, -signal.SIGINT]
    assert Roster(tmp_path, drain_seconds=1).survivors() == []


def test_the_stack_is_ended_in_the_order_of_its_roles(tmp_path, monkeypatch):
    ended: list[int] = []
    monkeypatch.setattr(
        processes, "end", lambda doomed, **_: ended.extend(process.pid for process in doomed)
    )
    roster = Roster(tmp_path, drain_seconds=1)
    for pid, role in enumerate((Role.POSTGRES, Role.KAFKA, Role.WORKER, Role.API), start=-4):
        roster.add(role, Process(pid, 0))
    roster.end()
    assert ended == [-1, -2, -3, -4]


def test_who_ends_the_stack_is_spared(tmp_path):
    roster = Roster(tmp_path, drain_seconds=1)
    roster.add(Role.FOREGROUND, Process.of_this_process())
    roster.end()
    assert Process.of_this_process().is_alive()


def test_a_stack_with_one_process_gone_is_not_complete(tmp_path):
    roster = Roster(tmp_path, drain_seconds=1)
    assert not roster.is_complete()
    roster.add(Role.API, Process.of_this_process())
    assert roster.is_complete()
    roster.add(Role.WORKER, Process(os.getpid(), 0))
    assert not roster.is_complete()


def test_a_process_that_was_replaced_is_missed_by_no_one(tmp_path):
    roster = Roster(tmp_path, drain_seconds=1)
    gone = Process(os.getpid(), 0)
    roster.add(Role.API, gone)
    roster.add(Role.WORKER, Process.of_this_process())
    roster.drop([gone])
    assert roster.is_complete()
    assert Roster(tmp_path, drain_seconds=1).is_complete()
