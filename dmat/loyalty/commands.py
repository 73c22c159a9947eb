"""`dmat loyalty rules | change | member | adjust | offer | grant | redeem`: the programme at a terminal.

Belongs here: options, what is printed, exit codes. Stays out: the work.
"""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from dmat.routing.commands import File, read_file
from dmat.scoring.commands import Home, console, opened, print_plain

app = typer.Typer(no_args_is_help=True, help="Loyalty: rules, members, points, offers.")
Person = Annotated[int, typer.Argument(help="the person's number")]


@app.command()
def rules(home: Home = None) -> None:
    """The rules of the programme, as YAML."""
    import yaml

    from dmat.loyalty.rules import read_rules

    with opened(home) as (_settings, store, _view), store.read() as connection:
        found = read_rules(connection)
    if found is None:
        console.print("There is no loyalty programme: `dmat loyalty change rules.yml` begins one.")
        raise typer.Exit(1)
    print_plain(yaml.safe_dump(found.model_dump(mode="json"), sort_keys=False))


@app.command()
def change(file: File, home: Home = None) -> None:
    """Keep the rules of a file; an empty document begins the standard programme."""
    from dmat.loyalty.rules import keep_rules

    with opened(home) as (settings, store, _view):
        kept = keep_rules(store, read_file(file) or {}, settings.clock.now(), getpass.getuser())
    tiers = ", ".join(f"{tier.name} from {tier.from_points}" for tier in kept.tiers)
    console.print(f"The programme is {'on' if kept.is_active else 'off'}: {tiers}.")


@app.command()
def member(person_id: Person, home: Home = None) -> None:
    """One member: tier, points, the account, offers."""
    from dmat.loyalty.ledger import statement_of
    from dmat.loyalty.members import member_of
    from dmat.loyalty.offers import grants_of

    with opened(home) as (_settings, store, _view):
        found = member_of(store, person_id)
        lines, grants = statement_of(store, person_id), grants_of(store, person_id)
    until = f" until {found.tier_until:%Y-%m-%d}" if found.tier_until else ""
    print_plain(f"{found.tier}{until}, {found.points} points, since {found.joined_at:%Y-%m-%d}")
    for line in lines:
        print_plain(f"  {line['points']:+6}  {line['occurred_at']:%Y-%m-%d}  {line['kind']:7} {line['reason']}")
    for grant in grants:
        used = f"used for {grant.order_id}" if grant.redeemed_at else f"until {grant.valid_until:%Y-%m-%d}"
        print_plain(f"  {grant.code}  {grant.offer_key}  {used}")


@app.command("adjust")
def adjust_points(person_id: Person, points: int, key: str, reason: str, home: Home = None) -> None:
    """Give or take points by hand; the same key counts once."""
    from dmat.loyalty.ledger import adjust

    with opened(home) as (settings, store, _view):
        left = adjust(store, person_id, points, key, reason, settings.clock.now(), getpass.getuser())
    console.print(f"Person {person_id} has {left} points.")


@app.command()
def offer(file: File, home: Home = None) -> None:
    """Make or change offers from a file: one, or a list of them."""
    from dmat.loyalty.offers import put_offer

    document = read_file(file)
    with opened(home) as (settings, store, _view):
        for each in document if isinstance(document, list) else [document]:
            kept = put_offer(store, each, settings.clock.now(), getpass.getuser())
            console.print(f"{kept.offer_key} is kept.")


@app.command()
def grant(offer_key: str, person_id: Person, occurrence: str, home: Home = None) -> None:
    """Give an offer to a member, with a code of their own."""
    from dmat.loyalty.offers import grant_offer

    with opened(home) as (settings, store, _view):
        now, by = settings.clock.now(), getpass.getuser()
        found = grant_offer(store, offer_key, person_id, occurrence, now, by)
    console.print(f"{found.code}, until {found.valid_until:%Y-%m-%d}.")


@app.command()
def redeem(code: str, order_id: str, home: Home = None) -> None:
    """Use a code for an order."""
    from dmat.loyalty.offers import redeem as redeem_code

    with opened(home) as (settings, store, _view):
        found = redeem_code(store, code, order_id, settings.clock.now())
    console.print(f"{found.code} was used for {found.order_id}.")
