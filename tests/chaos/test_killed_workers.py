"""Under test: the promise with batches and several workers. Workers and their leader are killed at random, answers of
whole batches are lost, the programme is paused and resumed: nothing is lost, sent twice, or sent to the suppressed.

Real processes, the real connector, a provider on loopback. The size of the issue (100,000 messages, 100 kills, 50
pauses) runs with DMAT_CHAOS=100k, a fifth of it with 20k, and says what it saw; what is asserted is counts, never time.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from sending_fixtures import NOON, create_database, grant, make_settings

sys.path.insert(0, str(Path(__file__).parent))

from faulty_provider import Faults, FaultyProvider

from dmat.campaigns.programmes import pause_programme, resume_programme
from dmat.consent.permission import record_decisions
from dmat.consent.suppression import Suppression, suppress
from dmat.ledger.bulk import PlannedPerson, StepFacts, plan_many
from dmat.ledger.entries import audience_report, counts_by_state, unresolved
from dmat.messages.library import Templates
from dmat.store import open_store
from dmat.store.engine import chunks

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"100k": (100_000, 100, 50), "20k": (20_000, 20, 10)}  # messages, kills, pauses
IS_LARGE = os.environ.get("DMAT_CHAOS") in SIZES  # read before the fixtures clear DMAT_ variables
MESSAGES, KILLS, PAUSES = SIZES.get(os.environ.get("DMAT_CHAOS", ""), (6_000, 2, 1))
PROGRAMME, CLAIMED, WORKERS = "campaign:1", 2_000, 2
SETTLE = "1.0"
PATIENCE_SECONDS = 1800 if IS_LARGE else 600
BODY = "<mjml><mj-body><mj-section><mj-column><mj-text>Hello {{ first_name }} {{ unsubscribe_url }}</mj-text>"
CONTENT = {
    "variables": [{"name": "first_name", "type": "text", "fallback": "there"}],
    "locales": {"": {"subject": "Sale", "preheader": "", "text": "",
                     "body": f"{BODY}</mj-column></mj-section></mj-body></mjml>"}},
}  # fmt: skip


@dataclass
class Campaign:
    """A planned campaign, its provider, and the processes that send it."""

    settings: object
    store: object
    provider: FaultyProvider
    suppressed: set
    leader: subprocess.Popen | None = None
    kills: int = 0
    pauses: int = 0
    restarts: list = field(default_factory=list)
    waiting_since: tuple = (0.0, 0)
    workers_wanted: int = WORKERS

    def start(self, *more: str) -> None:
        environment = os.environ | {
            "DMAT_SENDGRID_URL": self.provider.url, "DMAT_SENDGRID_TOKEN": "SG.x", "DMAT_HOLDOUT_SHARE": "0",
            "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1", "DMAT_STORE_URL": self.settings.store_url,
        }  # fmt: skip
        command = [sys.executable, "-m", "dmat_pipelines.deliver.sender", "--home", str(self.settings.home)]
        command += ["--settle-seconds", SETTLE, "--workers", str(self.workers_wanted), *more]
        log = open(self.settings.home / "sender.log", "ab")  # noqa: SIM115 - the process writes to it
        self.leader = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)
        self.waiting_since = time.monotonic(), self.provider.accepted.count

    def wait_for(self, what) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            self._note_first_send()
            if what():
                return
            time.sleep(0.02)
        said = (self.settings.home / "sender.log").read_text()[-3000:]
        pytest.fail(f"it did not happen: {counts_by_state(self.store)}; the senders said: {said}")

    def _note_first_send(self) -> None:
        started, count = self.waiting_since
        if started and self.provider.accepted.count > count:
            self.restarts.append(time.monotonic() - started)
            self.waiting_since = 0.0, 0

    def kill(self, dice: random.Random) -> None:
        """Kill the leader, or a worker or helper of it; those of a dead leader end by themselves."""
        processes = [psutil.Process(self.leader.pid), *self.below("--follow"), *self.below("spawn_main")]
        victim = dice.choice(processes)
        victim.kill()
        self.kills += 1
        if victim.pid == self.leader.pid:
            self.leader.wait()
            self.start()

    def below(self, word: str) -> list:
        """The leader's children with this word that live; one that was killed stays a zombie until the leader looks."""
        found = []
        for each in psutil.Process(self.leader.pid).children():
            try:
                found += [each] if any(word in part for part in each.cmdline()) else []
            except psutil.Error:
                continue
        return found

    def workers(self) -> list:
        return self.below("--follow")

    def finish(self) -> None:
        is_up = self.workers if self.workers_wanted > 1 else lambda: True
        self.wait_for(lambda: is_over(self) and is_up())  # a leader that has workers hears signals
        self.leader.terminate()
        assert self.leader.wait(90) == 0, "a sender that is told to stop ends its round and says so"


def is_over(campaign: Campaign) -> bool:
    counts = counts_by_state(campaign.store)
    settling = counts["ambiguous"] if campaign.provider.faults.can_look_up else 0
    return counts["planned"] + counts["claimed"] + counts["handed_over"] + settling == 0


@pytest.fixture
def campaign(home, request):
    yield from planned_campaign(make_settings(home), request.param)


@pytest.fixture
def postgres_campaign(home, postgres_server, request):
    yield from planned_campaign(make_settings(home, store_url=create_database(postgres_server)), request.param)


def planned_campaign(settings, faults):
    settings.clock.set(NOON, speed=1.0)
    store = open_store(settings)
    provider = FaultyProvider(faults)
    card = Templates(store, settings.clock).create(
        name="Sale", channel="email", kind="mjml", content=CONTENT, by="ann@shop.example"
    )
    suppressed = plan(store, StepFacts("email", template=card.key, template_version=card.version))
    found = Campaign(settings, store, provider, suppressed)
    yield found
    if found.leader is not None and found.leader.poll() is None:
        for process in found.workers():
            process.kill()
        found.leader.kill()
        found.leader.wait()
    provider.close()
    store.close()


def plan(store, facts) -> set:
    suppressed = {f"person{n}@example.com" for n in range(20, MESSAGES + 1, 20)}
    for numbers in chunks(range(1, MESSAGES + 1), 20_000):
        with store.write() as connection:
            record_decisions(connection, (grant(n) for n in numbers), NOON)
            people = (PlannedPerson(n, f"person{n}@example.com", NOON, json.dumps({"first_name": f"Ann{n}"}))
                      for n in numbers)  # fmt: skip
            plan_many(connection, PROGRAMME, 1, "first", "", people, facts, NOON)
    with store.write() as connection:
        suppress(connection, [Suppression(address, "email", "unsubscribed") for address in suppressed], NOON)
    return suppressed


def kill_again_and_again(campaign: Campaign) -> None:
    """Kills at random amounts of work done, with pauses in between."""
    dice = random.Random(5)
    points = sorted(dice.sample(range(1, MESSAGES * 8 // 10), KILLS))
    paused = set(dice.sample(range(KILLS), PAUSES))
    campaign.start()
    for number, point in enumerate(points):
        campaign.wait_for(lambda point=point: campaign.provider.accepted.count >= point)
        if number in paused:
            pause_programme(campaign.store, PROGRAMME, "a test", NOON)
            campaign.pauses += 1
        time.sleep(dice.uniform(0, 0.2))
        campaign.kill(dice)
        resume_programme(campaign.store, PROGRAMME, NOON)


def say(campaign: Campaign) -> None:
    """The figures, into the log of a large run."""
    restarts = sorted(campaign.restarts)
    taken = campaign.provider.accepted
    print(json.dumps({
        "messages": MESSAGES, "kills": campaign.kills, "pauses": campaign.pauses, "taken": len(taken.times),
        "twice": sum(times > 1 for times in taken.times.values()), "largest_batch": taken.largest,
        "suppressed_contacted": len(taken.addresses & campaign.suppressed),
        "ambiguous_listed": len(unresolved(campaign.store, 100_000)), "faults": dict(taken.faults),
        "restart_to_first_send_p95_s": round(restarts[int(len(restarts) * 0.95)], 2) if restarts else None,
    }))  # fmt: skip


@pytest.mark.parametrize("campaign", [Faults(lost_answer=0.03, error_500=0.03, too_many_429=0.05)], indirect=True)
def test_killed_workers_and_lost_batches_lose_nothing_and_send_nothing_twice(campaign):
    kill_again_and_again(campaign)
    campaign.finish()
    say(campaign)
    taken, due = campaign.provider.accepted, MESSAGES - len(campaign.suppressed)
    assert taken.largest > 100, "they left in batches"
    assert {message_id: times for message_id, times in taken.times.items() if times > 1} == {}
    assert len(taken.times) == due
    assert taken.addresses & campaign.suppressed == set()
    report = audience_report(campaign.store, PROGRAMME)
    assert (report.is_finished, report.sent, report.suppressed) == (True, due, len(campaign.suppressed))


@pytest.mark.parametrize("campaign", [Faults(lost_answer=0.03, error_500=0.03, slow=0.05)], indirect=True)
def test_a_sender_alone_and_its_helper_may_be_killed_too(campaign):
    campaign.workers_wanted = 1
    kill_again_and_again(campaign)
    campaign.finish()
    say(campaign)
    taken, due = campaign.provider.accepted, MESSAGES - len(campaign.suppressed)
    assert {message_id: times for message_id, times in taken.times.items() if times > 1} == {}
    assert len(taken.times) == due
    assert taken.addresses & campaign.suppressed == set()
    report = audience_report(campaign.store, PROGRAMME)
    assert (report.is_finished, report.sent, report.suppressed) == (True, due, len(campaign.suppressed))


@pytest.mark.parametrize("campaign", [Faults(lost_answer=0.05, can_look_up=False)], indirect=True)
def test_without_a_look_up_whole_batches_stay_listed_and_none_is_sent_twice(campaign):
    kill_again_and_again(campaign)
    campaign.finish()
    say(campaign)
    taken = campaign.provider.accepted
    open_ids = {entry.message_id for entry in unresolved(campaign.store, MESSAGES)}
    assert max(taken.times.values()) == 1
    assert taken.addresses & campaign.suppressed == set()
    assert len(open_ids) <= campaign.kills * CLAIMED * WORKERS + taken.faults["lost_answer"] * taken.largest
    counts = counts_by_state(campaign.store)
    assert counts["accepted"] + len(open_ids) == MESSAGES - len(campaign.suppressed)
    assert counts["ambiguous"] == len(open_ids)


@pytest.mark.parametrize("campaign", [Faults()], indirect=True)
def test_one_pass_of_several_workers_sends_everything_once_and_ends(campaign):
    campaign.start("--once")
    assert campaign.leader.wait(PATIENCE_SECONDS) == 0
    taken = campaign.provider.accepted
    assert set(taken.times.values()) == {1}
    assert len(taken.times) == MESSAGES - len(campaign.suppressed)
    assert audience_report(campaign.store, PROGRAMME).is_finished


@pytest.mark.postgres
@pytest.mark.parametrize("postgres_campaign", [Faults(lost_answer=0.05, error_500=0.05)], indirect=True)
def test_workers_on_postgresql_send_while_the_leader_hangs_and_one_may_be_killed(postgres_campaign):
    campaign = postgres_campaign
    pause_programme(campaign.store, PROGRAMME, "until all are up", NOON)
    campaign.start()
    campaign.wait_for(campaign.workers)
    leader = psutil.Process(campaign.leader.pid)
    leader.suspend()  # so that what leaves now was claimed by the others
    resume_programme(campaign.store, PROGRAMME, NOON)
    campaign.wait_for(lambda: campaign.provider.accepted.count > 0)
    for worker in campaign.workers():
        worker.kill()
    leader.resume()
    campaign.finish()
    taken, due = campaign.provider.accepted, MESSAGES - len(campaign.suppressed)
    assert taken.largest > 100, "they left in batches"
    assert set(taken.times.values()) == {1}
    assert len(taken.times) == due
    assert taken.addresses & campaign.suppressed == set()
    report = audience_report(campaign.store, PROGRAMME)
    assert (report.is_finished, report.sent, report.suppressed) == (True, due, len(campaign.suppressed))
