"""The ``grants`` command. Each subcommand is a thin call; what goes wrong for people is one line, never a traceback."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from flask import Flask
from sqlalchemy import select

from config import ROOT, BadConfiguration, Config
from grants.accounts.actions import grant_role, invite_again, invite_person
from grants.accounts.models import Person, Region, Role
from grants.accounts.queries import normal_address, person_by_email
from grants.app import create_app
from grants.assignments.queries import fresh_board
from grants.assignments.rules import best_plan
from grants.awards.models import Award
from grants.awards.queries import award_by_reference
from grants.calls.actions import import_call
from grants.calls.forms import BadImport, read_call, write_call
from grants.calls.models import Call
from grants.calls.queries import call_by_reference, documents_of, written_documents
from grants.core import archives, clock, docs
from grants.core.db import transaction
from grants.core.engines.engine import ServerFailed
from grants.core.forms import one_line
from grants.core.languages import LANGUAGES, speaking
from grants.core.money import Money, NotAnAmount
from grants.core.permissions import declared
from grants.core.reach import require_broker
from grants.core.rules import Refused
from grants.core.servers import servers
from grants.core.solver import NotProven
from grants.core.templating import absolute_link
from grants.core.web import declared_routes
from grants.decisions.actions import queried_sheet
from grants.decisions.models import Meeting
from grants.decisions.queries import meeting_by_reference, sheet_of
from grants.decisions.rules import Ranked, fingerprint, ranking
from grants.dossiers import actions as dossiers
from grants.dossiers.queries import award_to_tell, is_on_record, seal_at
from grants.dossiers.rules import FORMAT, WHOLE_SIGHT
from grants.draws.queries import draw_of
from grants.draws.rules import drawn, holds
from grants.draws.rules import fingerprint as fingerprint_of_seed
from grants.history.actions import note
from grants.history.queries import broken_seals, chain_head
from grants.imports.actions import import_at_once
from grants.imports.queries import mapping_called
from grants.imports.rules import Refusal
from grants.parts import PortTaken, run_beat, run_web, run_worker, stop_with_parent
from grants.payments.queries import Trial, grants_told_otherwise, trial_balance, wrong_totals
from grants.payments.rules import end_of
from grants.reliability.forms import BadRatings, read_ratings
from grants.reliability.rules import Rating, agreement, ratings_of
from grants.reminders.tasks import run_sweeps
from grants.reviews.queries import grid_of, standing_of
from grants.reviews.rules import Result, read_grid, results_of
from grants.scenarios.queries import leads_of
from grants.scenarios.rules import PATIENCE, Limits, limits_of, propose
from grants.schema import WrongSchema, draft_migration, migrate, require_current
from grants.up import CannotRun, accounts_to_try, load_demonstration, up

LONGEST_NAME = 120

FOR_PEOPLE = (BadConfiguration, ServerFailed, WrongSchema, PortTaken, CannotRun, Refused, NotProven, BadRatings)
REFUSED = 2
NOT_WHOLE = 1
CORES = os.cpu_count() or 1

port_option = click.option("--port", type=click.IntRange(1, 65535), help="Where to serve (PORT, 8000).")
host_option = click.option("--host", envvar="HOST", default="127.0.0.1", help="The address to serve on (HOST).")
json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
with_parent_option = click.option("--with-parent", is_flag=True, hidden=True, help="Stop when standard input ends.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def grants() -> None:
    """Pilot Fund, from the published call to the closed award.

    Settings come from the environment; README.md names them all. With no DATABASE_URL and BROKER_URL the program runs
    its own PostgreSQL and Valkey below DATA_DIR.
    """


@grants.command("up")
@port_option
@host_option
@click.option("--data", help="The folder that everything is kept in (DATA_DIR, var).")
@click.option("--demo", is_flag=True, help="Load the demonstration when there is nobody in the database yet.")
def up_command(port: int | None, host: str, data: str | None, *, demo: bool) -> None:
    """Run the whole product until Ctrl-C."""
    up(_config(port=port, data_dir=data), host=host, demonstration=demo, say=_say)


@grants.command("web")
@port_option
@host_option
@click.option("--processes", type=click.IntRange(1), default=max(1, min(CORES, 4)), show_default=True)
@click.option("--threads", type=click.IntRange(1), default=6, show_default=True, help="Requests at once per process.")
@with_parent_option
def web_command(port: int | None, host: str, processes: int, threads: int, *, with_parent: bool) -> None:
    """Serve the pages."""
    _begin(with_parent=with_parent)
    with servers(_config(port=port)) as config:
        run_web(config, host=host, processes=processes, threads=threads)


@grants.command("worker")
@click.option("--processes", type=click.IntRange(1), default=max(1, min(CORES, 2)), show_default=True)
@with_parent_option
def worker_command(processes: int, *, with_parent: bool) -> None:
    """Do what pages must not wait for."""
    _begin(with_parent=with_parent)
    with servers(_config()) as config:
        require_broker(config)
        run_worker(config, processes=processes)


@grants.command("beat")
@with_parent_option
def beat_command(*, with_parent: bool) -> None:
    """Tell the workers to look for what is due."""
    _begin(with_parent=with_parent)
    with servers(_config()) as config:
        require_broker(config)
        run_beat(config)


@grants.command("migrate")
def migrate_command() -> None:
    """Bring the database up to date."""
    with servers(_config()) as config:
        migrate(create_app(config))


@grants.command("draft-migration")
@click.argument("about")
def draft_migration_command(about: str) -> None:
    """Draft the migration that the models need."""
    with servers(_config()) as config:
        app = create_app(config)
        migrate(app)
        draft_migration(app, about)


@grants.command("database-url")
def database_url_command() -> None:
    """Print how to reach the database."""
    with servers(_config()) as config:
        click.echo(config.database_url)


@grants.command("demo")
def demo_command() -> None:
    """Load the demonstration into a database with nobody in it."""
    with servers(_config(), _say) as config:
        app = create_app(config)
        migrate(app)
        load_demonstration(app, config, _say)
        for line in accounts_to_try(app):
            _say(line)


@grants.command("tick")
@click.option("--at", "moment", help="As of when, with its zone: 2027-03-01T08:00+01:00. Without it, now.")
def tick_command(moment: str | None) -> None:
    """Look once at every deadline, and write the reminders that are owed."""
    at = _moment(moment) if moment else clock.now()
    with _application():
        swept = run_sweeps(at)
    click.echo(
        f"As of {at.isoformat(timespec='minutes')}: {swept['found']} reminders owed, {swept['posted']} of them new."
    )


@grants.group("people")
def people_group() -> None:
    """Whoever works for the fund."""


role_option = click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
region_option = click.option(
    "--region",
    "regions",
    multiple=True,
    type=click.Choice([region.value for region in Region]),
    help="Of coordinators.",
)


@people_group.command("invite")
@click.argument("email")
@click.option("--name", required=True, help="How the person is called.")
@role_option
@region_option
@click.option("--language", type=click.Choice(list(LANGUAGES)), default="en", show_default=True)
def people_invite_command(email: str, name: str, role: str, regions: tuple[str, ...], language: str) -> None:
    """Open an account for EMAIL with a role: the way to the first administrator, who invites all others on the screens.

    The link to the first sign-in is sent by mail and printed here, once.
    """
    address = normal_address(email)
    if address is None:
        raise CannotRun(f"{email!r} is not an e-mail address.")
    with _application():
        with transaction():
            person, token = invite_person(
                email=address,
                name=_name(name),
                language=language,
                role=Role(role),
                regions=sorted(set(regions)),
                by=None,
            )
            note("person", person.id, "invite", by=None, role=role)
        _say_link(person, token)


@people_group.command("invite-again")
@click.argument("email")
def people_invite_again_command(email: str) -> None:
    """Send another link to somebody who was invited and has not come yet; it is printed too."""
    with _application():
        with transaction():
            person = _account_of(email)
            token = invite_again(person, by=None)
            note("person", person.id, "invite", by=None)
        _say_link(person, token)


@people_group.command("give-role")
@click.argument("email")
@role_option
@region_option
def people_give_role_command(email: str, role: str, regions: tuple[str, ...]) -> None:
    """Give a role to somebody who has an account already, when no administrator is left to do it on the screens."""
    with _application(), transaction():
        person = _account_of(email)
        grant_role(person, Role(role), regions=sorted(set(regions)), by=None)
        note("person", person.id, "give_role", by=None, role=role)
        click.echo(f"{person.reference} has the role {role} now.")


@grants.group("call")
def call_group() -> None:
    """Calls for proposals."""


@call_group.command("import")
@click.argument("path")
def call_import_command(path: str) -> None:
    """Read a call from a folder, a ZIP or a YAML file; it becomes a draft."""
    with _application(), transaction():
        try:
            call = import_call(read_call(path), by=None)
        except BadImport as problem:
            raise CannotRun(*[str(mistake) for mistake in problem.mistakes], "Nothing was imported.") from None
        click.echo(f"{call.reference} is a draft; a coordinator can look at it and publish it.")


@call_group.command("export")
@click.argument("reference", metavar="CALL")
@click.option("--out", type=click.Path(dir_okay=False, writable=True), help="Write to this file instead of the screen.")
def call_export_command(reference: str, out: str | None) -> None:
    """Print CALL as one YAML file, which `grants call import` reads back exactly."""
    with _application():
        call = _call_named(reference)
        written = write_call(written_documents(call))
    if out is None:
        click.echo(written, nl=False)
        return
    try:
        Path(out).write_text(written, "utf-8")
    except OSError as error:
        raise CannotRun(f"{out}: {error.strerror}") from None
    click.echo(f"Written to {out}.")


@grants.group("reviews")
def reviews_group() -> None:
    """Who reviews what, and how far reviewers agree."""


@reviews_group.command("assign")
@click.argument("reference", metavar="CALL")
@click.option("--dry-run", is_flag=True, required=True, help="Compute only; reviewers are asked on the screens.")
@json_option
def reviews_assign_command(reference: str, *, dry_run: bool, as_json: bool) -> None:
    """Print the best fresh assignment of reviewers to the eligible applications of CALL, as if nobody had been asked.

    The worst application's affinity is as great as can be, then the total. ``why`` says in what it gave way, if it did.
    """
    with _application():
        call = _call_named(reference)
        found = best_plan(fresh_board(call), read_grid(grid_of(call)).reviews_wanted)
        if isinstance(found, list):
            if as_json:
                why = " ".join(str(obstacle.message) for obstacle in found)
                click.echo(json.dumps({"pairs": None, "total": None, "worst": None, "why": why}, ensure_ascii=False))
            raise CannotRun(*[str(obstacle.message) for obstacle in found])
        gave_way = [str(shortcoming.message) for shortcoming in found.shortcomings]
        for sentence in gave_way:
            click.echo(sentence, err=True)
    pairs = [(pair.application.reference, pair.reviewer.reference) for pair in found.pairs]
    if as_json:
        told = [{"application": application, "reviewer": reviewer} for application, reviewer in pairs]
        plan: dict[str, Any] = {"pairs": told, "total": found.total, "worst": found.worst}
        if gave_way:
            plan["why"] = " ".join(gave_way)
        click.echo(json.dumps(plan, indent=2))
        return
    for application, reviewer in pairs:
        click.echo(f"{application:<20} {reviewer}")
    click.echo(f"Affinity {found.total} in all, {found.worst} for the application that is served worst.")


@reviews_group.command("agreement")
@click.argument("reference", metavar="[CALL]", required=False)
@click.option("--csv", "path", metavar="FILE", help="A file with the columns unit, rater and score.")
@json_option
def reviews_agreement_command(reference: str | None, path: str | None, *, as_json: bool) -> None:
    """Tell how far reviewers agree: of the submitted reviews of CALL, or of any file. Null is what is not defined."""
    if (reference is None) == (path is None):
        raise CannotRun("Name a call, or a file with --csv.")
    found = agreement(read_ratings(path) if path is not None else _ratings_of(reference or ""))
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    click.echo(f"{found.units} units, {found.raters} raters, {found.ratings} ratings")
    for name, figures in (("alpha", found.alpha), ("ICC", found.icc)):
        for key, value in figures.items():
            click.echo(f"{name} {key:<10} {'not defined' if value is None else f'{value:.4f}'}")


def _ratings_of(reference: str) -> list[Rating]:
    with _application():
        return ratings_of(results_of(standing_of(_call_named(reference))))


@grants.group("decisions")
def decisions_group() -> None:
    """What follows from the reviews."""


@decisions_group.command("rank")
@click.argument("reference", metavar="CALL")
@json_option
def decisions_rank_command(reference: str, *, as_json: bool) -> None:
    """Compute the ranking of CALL again from the stored reviews: scores, thresholds missed, ties by the grid's own order."""
    with _application():
        call = _call_named(reference)
        places = [_place(row) for _, row in ranking(call, standing_of(call)).rows]
    if as_json:
        click.echo(json.dumps({"applications": places}, indent=2))
        return
    for place in places:
        click.echo(
            f"{place['rank'] or '-':>4} {place['application']:<20} {place['score'] or '-':>8}  {' '.join(place['missed'])}"
        )


def _place(row: Ranked | Result) -> dict[str, Any]:
    """What is told of an application in the ranking: ``third_review`` says that the grid asked for one."""
    result = row.result if isinstance(row, Ranked) else row
    return {
        "application": result.application.reference,
        "score": None if result.score is None else _number(result.score),
        "sections": {key: _number(points) for key, points in result.sections.items()},
        "reviews_used": sorted(review.reviewer for review in result.reviews_used),
        "third_review": bool(result.disagreements) or any(review.round == 2 for review in result.reviews),
        "missed": [obstacle.code for obstacle in result.missed],
        "rank": row.rank if isinstance(row, Ranked) else None,
    }


def _number(exact: Decimal) -> int | float:
    """A number for JSON, which has no decimals of its own."""
    return int(exact) if exact == exact.to_integral_value() else float(exact)


@decisions_group.command("sheet")
@click.argument("reference", metavar="MEETING")
@json_option
def decisions_sheet_command(reference: str, *, as_json: bool) -> None:
    """Compute the decision sheet of MEETING again from the record, and compare it with the one that was signed."""
    with _application():
        meeting = meeting_by_reference(select(Meeting), reference)
        kept = sheet_of(meeting.id) if meeting is not None else None
        if meeting is None or kept is None:
            raise CannotRun(f"{reference} is no meeting with a decision sheet.")
        computed = fingerprint(queried_sheet(meeting))
        signed = [
            {
                "person": seat.person.reference,
                "chair": seat.person_id == meeting.chair_id,
                "at": seat.signed_at.isoformat(),
            }
            for seat in meeting.seats
            if seat.signed_at is not None
        ]
        told = {
            "meeting": meeting.reference,
            "fingerprint": kept.fingerprint,
            "computed": computed,
            "same": computed == kept.fingerprint,
            "signed": signed,
            "sheet": kept.content,
        }
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        click.echo(f"{kept.fingerprint} {'computes to the same' if told['same'] else 'computes to ' + computed}")
    if not told["same"]:
        sys.exit(REFUSED)


@decisions_group.command("propose")
@click.argument("reference", metavar="CALL")
@click.option("--budget", metavar="AMOUNT", help="The money to award; without it, the envelope of the call.")
@click.option("--floor", "floors", multiple=True, metavar="KEY=AMOUNT", help="The least for a region or lot.")
@click.option("--ceiling", "ceilings", multiple=True, metavar="KEY=AMOUNT", help="The most for a region or lot.")
@click.option(
    "--lot-minimum", "least", multiple=True, metavar="LOT=NUMBER", help="The least number of awards of a lot."
)
@json_option
def decisions_propose_command(
    reference: str,
    budget: str | None,
    floors: tuple[str, ...],
    ceilings: tuple[str, ...],
    least: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Propose awards for CALL: rank first, within a budget, floors, ceilings and least numbers of awards.

    With any of these options none of the call's own floors, ceilings and numbers applies.
    """
    with _application():
        call = _call_named(reference)
        limits = limits_of(call, documents_of(call)["terms"])
        if budget is not None or floors or ceilings or least:
            lots = [lot.key for lot in call.lots]
            keys = [region.region for region in call.regions] + lots
            limits = Limits(
                budget=call.envelope if budget is None else _amount(call, budget),
                floors={key: _amount(call, amount) for key, amount in _limits(floors, keys)},
                ceilings={key: _amount(call, amount) for key, amount in _limits(ceilings, keys)},
                least={key: _whole(number) for key, number in _limits(least, lots)},
            )
        places = ranking(call, standing_of(call)).ranked
        awards = spent = left = None
        try:
            proposal = propose([place.application for place in places], limits, leads_of(call.id))
        except NotProven:
            why = f"Within {PATIENCE:.0f} seconds nothing was proven to be right. Wider limits make it easier."
        else:
            awards = None if proposal.awards is None else [line.reference for line in proposal.awards]
            spent, left = (None if one is None else _number(one.amount) for one in (proposal.spent, proposal.left))
            why = proposal.why
    if as_json:
        told = {"awards": awards, "spent": spent, "left": left, "why": why}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for award in awards or ():
        click.echo(award)
    click.echo(why)


@decisions_group.command("draw")
@click.argument("reference", metavar="CALL")
@click.argument("applications", metavar="[APPLICATION]...", nargs=-1)
@click.option("--seed", help="The seed that was disclosed; without it, the one on record.")
@json_option
def decisions_draw_command(reference: str, applications: tuple[str, ...], seed: str | None, *, as_json: bool) -> None:
    """Compute the draw of CALL again: as it is on record, or from its seed and the applications that took part.

    With --seed nothing is read but what is given here. The lot of an application is the SHA-256 of
    ``seed|call|application``, and the lowest comes first.
    """
    if seed is None:
        if applications:
            raise CannotRun("Without --seed the applications are those on record; name none.")
        seed, applications = _draw_on_record(reference)
    order = [{"application": one, "lot": its_lot} for one, its_lot in drawn(seed, reference, applications)]
    if as_json:
        click.echo(
            json.dumps(
                {"call": reference, "fingerprint": fingerprint_of_seed(seed), "seed": seed, "order": order}, indent=2
            )
        )
        return
    click.echo(f"The fingerprint of the seed is {fingerprint_of_seed(seed)}.")
    for place, one in enumerate(order, 1):
        click.echo(f"{place:>4} {one['application']:<20} {one['lot']}")


def _draw_on_record(reference: str) -> tuple[str, tuple[str, ...]]:
    with _application():
        draw = draw_of(_call_named(reference))
        if draw is None or draw.seed is None:
            raise CannotRun(f"Nothing has been drawn in {reference}.")
        if not holds(draw):
            raise CannotRun(f"The record of the draw in {reference} is not what its seed gives.")
        return draw.seed, tuple(line["reference"] for line in draw.lines)


def _limits(options: tuple[str, ...], keys: list[str]) -> list[tuple[str, str]]:
    """What options like AFR=20000 say, each key at most once."""
    found: dict[str, str] = {}
    for option in options:
        key, separator, value = option.partition("=")
        if not separator or key not in keys:
            raise CannotRun(
                f"{option!r} does not say what {' or '.join(keys) or 'no region or lot'} gets, after an equals sign."
            )
        if key in found:
            raise CannotRun(f"{key} is given twice.")
        found[key] = value
    return list(found.items())


def _amount(call: Call, text: str) -> Money:
    try:
        amount = Money.parse(text, call.currency)
    except NotAnAmount as problem:
        raise CannotRun(f"{problem}.") from None
    if amount.minor < 0:
        raise CannotRun(f"{text!r} is less than nothing.")
    return amount


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise CannotRun(f"{text!r} is not a number of awards.")
    return int(text)


@grants.group("awards")
def awards_group() -> None:
    """Grants that were awarded."""


@awards_group.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
@click.option("--mapping", "mapping_name", metavar="NAME", help="What the columns mean, as it was kept under a name.")
@click.option(
    "--programme", metavar="NAME", help="The earlier programme; without it the mapping's, or the file's name."
)
@json_option
def awards_import_command(path: str, mapping_name: str | None, programme: str | None, *, as_json: bool) -> None:
    """Import the awards of an earlier programme from PATH, a CSV file or a workbook, all of them or nothing.

    Without --mapping the columns mean what was kept for tables with this header, else what they seem to mean. `refused`
    lists the rows that cannot be taken, each with its reason. What is there already is not imported again. `totals` are
    those of what was imported.
    """
    with _application():
        with transaction():
            mapping = mapping_called(mapping_name) if mapping_name is not None else None
            if mapping_name is not None and mapping is None:
                raise CannotRun(f"There is no mapping {mapping_name!r}.")
            carried = import_at_once(
                Path(path).name,
                Path(path).read_bytes(),
                mapping=mapping,
                programme=_name(programme) if programme is not None else "",
                by=None,
            )
        refused = [Refusal(**one) for one in carried.refused]
        told = {
            "imported": carried.imported,
            "already_there": carried.present,
            "refused": [{"row": one.line, "reason": one.reason} for one in refused],
            "totals": {amount.currency: str(amount.amount) for amount in carried.totals},
        }
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for one in refused:
        click.echo(f"Line {one.line}: {one.reason}", err=True)
    sums = ", ".join(str(amount) for amount in carried.totals)
    click.echo(
        f"{carried.imported} imported ({sums}), {carried.present} there already, {len(refused)} refused:"
        f" {carried.reference}, {carried.programme}."
    )


@awards_group.command("dossier")
@click.argument("reference", metavar="GRANT")
@click.option("--out", required=True, type=click.Path(dir_okay=False, writable=True), help="Where the archive goes.")
@click.option("--language", type=click.Choice(list(LANGUAGES)), default="en", show_default=True)
def awards_dossier_command(reference: str, out: str, language: str) -> None:
    """Write everything that is known of GRANT into one archive, with an index to read and the hash of each file.

    It holds names, reasons and proofs, and of accounts the last four characters. That it was made is written down.
    """
    place = Path(out)
    with _application(), speaking(language):
        with transaction():
            award = award_by_reference(select(Award), reference)
            whole = award_to_tell(select(Award), award.id) if award is not None else None
            if whole is None:
                raise CannotRun(f"There is no grant {reference!r}.")
            making = dossiers.gather(whole, WHOLE_SIGHT)
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".dossier-", delete=False) as into:
            try:
                for _done in dossiers.write(making, into):
                    pass
            except BaseException:
                Path(into.name).unlink()
                raise
        Path(into.name).replace(place)
        with transaction():
            dossiers.keep_record(making, language)
    for path, why in making.gaps.items():
        click.echo(f"Left out: {path}. {why}", err=True)
    for path in making.differing:
        click.echo(f"Not as it was received: {path}", err=True)
    click.echo(f"Written to {out}; its fingerprint is {making.manifest}.")


@awards_group.command("verify")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option("--record", "against_record", is_flag=True, help="Compare it with the record of this fund too.")
@json_option
def awards_verify_command(path: str, *, against_record: bool, as_json: bool) -> None:
    """Compute every hash of a dossier again; name what is missing, changed or added, and end with 1 if anything is.

    This needs no database. With --record it is asked too whether the fund made this very dossier, and whether the record
    it tells is still there.
    """
    found = archives.verify(Path(path))
    wrong = [f"Missing: {name}" for name in found.missing]
    wrong += [f"Changed: {name}" for name in found.changed]
    wrong += [f"Added: {name}" for name in found.added]
    if found.damaged:
        wrong.append("The archive is damaged, or was packed again by another program.")
    elif not wrong and found.manifest.get("format") != FORMAT:
        wrong.append("This is no dossier.")
    if against_record and not wrong:
        wrong = _against_record(found)
    if as_json:
        told = {"grant": found.manifest.get("grant"), "fingerprint": found.digest, "whole": not wrong}
        lists = {"missing": found.missing, "changed": found.changed, "added": found.added, "said": wrong}
        click.echo(json.dumps(told | lists, indent=2, ensure_ascii=False))
    else:
        for sentence in wrong:
            click.echo(sentence, err=True)
        if not wrong:
            number = len(found.manifest["files"])
            click.echo(f"{number} files are as they were written; the fingerprint is {found.digest}.")
    if wrong:
        sys.exit(NOT_WHOLE)


def _against_record(found: archives.Verified) -> list[str]:
    record = found.manifest.get("record")
    with _application():
        wrong = [] if is_on_record(found.digest) else ["The record knows of no dossier with this fingerprint."]
        if record and seal_at(record["position"]) != record["digest"]:
            wrong.append(f"The record has another seal {record['position']} than the dossier tells.")
    return wrong


@grants.command("routes")
@json_option
def routes_command(*, as_json: bool) -> None:
    """List every address and who may call it."""
    routes = declared_routes(_unconnected())
    if as_json:
        click.echo(json.dumps(routes, indent=2))
        return
    for route in routes:
        click.echo(f"{','.join(route['methods']):<10} {route['path']:<60} {', '.join(route['access'])}")


@grants.command("permissions")
@json_option
def permissions_command(*, as_json: bool) -> None:
    """List what people may see and do, package by package."""
    _unconnected()
    entries = declared()
    if as_json:
        click.echo(json.dumps(entries, indent=2, ensure_ascii=False))
        return
    for entry in entries:
        click.echo(f"{entry['package']:<14} {entry['name']:<40} {entry['meaning']}")


@grants.command("docs")
def docs_command() -> None:
    """Write the pages of documentation that are made from the code."""
    app = _unconnected()
    for name, page in (("workflows", docs.workflows_page()), ("permissions", docs.permissions_page(app))):
        path = ROOT / "docs" / f"{name}.md"
        path.write_text(page, encoding="utf-8")
        click.echo(path.relative_to(ROOT))


@grants.group("payments")
def payments_group() -> None:
    """The money: what the ledger says."""


@payments_group.command("balance")
@click.option("--at", "moment", help="A day (its end, UTC) or a moment; now, if left out.")
@click.option("--call", default="", help="One call; all of them, if left out.")
@json_option
def payments_balance_command(moment: str | None, call: str, *, as_json: bool) -> None:
    """The trial balance: debits and credits of every kind of pot, from the transfers up to a moment."""
    at = clock.now()
    if moment:
        try:
            at = end_of(date.fromisoformat(moment), "UTC")
        except ValueError:
            at = _moment(moment)
    with _application():
        trials = trial_balance(at, call=call)
    if as_json:
        click.echo(json.dumps([_trial(trial) for trial in trials], indent=2))
        return
    for trial in trials:
        for kind, sums in trial.sums.items():
            debits, credits_ = (Money(one, trial.currency).amount for one in sums)
            click.echo(f"{kind:<12} {debits:>18} {credits_:>18} {trial.currency}")
        total = Money(trial.total.debits, trial.currency).amount, Money(trial.total.credits, trial.currency).amount
        click.echo(f"{'all':<12} {total[0]:>18} {total[1]:>18} {trial.currency}")
        click.echo("balanced" if trial.balances else "NOT BALANCED")


def _trial(trial: Trial) -> dict[str, Any]:
    def shown(minor: int) -> str:
        return str(Money(minor, trial.currency).amount)

    pots = {
        kind: {"debits": shown(one.debits), "credits": shown(one.credits), "balance": shown(one.minor)}
        for kind, one in trial.sums.items()
    }
    total = {"debits": shown(trial.total.debits), "credits": shown(trial.total.credits)}
    return {
        "currency": trial.currency,
        "pots": pots,
        **total,
        "moved": shown(trial.moved_minor),
        "balanced": trial.balances,
    }


@payments_group.command("verify")
def payments_verify_command() -> None:
    """Add up all transfers again; fail if a pot or a grant says anything else."""
    with _application():
        pots, grants_, trials = wrong_totals(), grants_told_otherwise(), trial_balance()
    wrong = [f"The totals of these pots are not their transfers: {', '.join(map(str, pots))}."] if pots else []
    wrong += [f"These grants say something else than the ledger: {', '.join(grants_)}."] if grants_ else []
    wrong += [f"The ledger in {trial.currency} does not balance." for trial in trials if not trial.balances]
    if wrong:
        raise CannotRun(*wrong)
    click.echo("The ledger balances; pots and grants say what the transfers say.")


@grants.group("history")
def history_group() -> None:
    """The record of who did what, when and why."""


@history_group.command("verify")
def history_verify_command() -> None:
    """Compute all seals again; fail if one differs."""
    with _application():
        broken, head = broken_seals(), chain_head()
    if broken:
        places = ", ".join(
            f"at seal {position}" if position > 0 else "by entries without a seal" for position in broken
        )
        raise CannotRun(f"The record was changed: {places}.")
    click.echo(f"The record is whole; its last seal is {head[0]} {head[1]}." if head else "The record is empty.")


@history_group.command("head")
def history_head_command() -> None:
    """Print the last seal, to be noted where nobody can change it."""
    with _application():
        head = chain_head()
    click.echo(f"{head[0]} {head[1]}" if head else "The record is empty.")


@grants.command("make-keys")
def make_keys_command() -> None:
    """Print fresh secrets for a production environment."""
    click.echo(f"SECRET_KEY={secrets.token_hex(32)}")
    click.echo(f"FIELD_KEYS=k1:{secrets.token_hex(32)}")


def main() -> None:
    """Run a command, and say in one line what stands in its way."""
    try:
        grants.main(prog_name="grants", standalone_mode=False)
    except FOR_PEOPLE as problem:
        _refuse(*[str(sentence) for sentence in problem.args])
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        help_wanted.show()
        sys.exit(REFUSED)
    except click.ClickException as problem:
        _refuse(problem.format_message())
    except OSError as problem:
        if problem.filename is None:
            raise
        _refuse(f"{problem.filename}: {problem.strerror}")
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


def _config(**options: object) -> Config:
    return Config.from_environment(None, **options)


def _account_of(email: str) -> Person:
    person = person_by_email(email)
    if person is None:
        raise CannotRun(f"Nobody has an account with the address {email!r}.")
    return person


def _call_named(reference: str) -> Call:
    call = call_by_reference(select(Call), reference)
    if call is None:
        raise CannotRun(f"There is no call {reference!r}.")
    return call


def _say_link(person: Person, token: str) -> None:
    click.echo(f"{person.reference} is invited; the mail is on its way to {person.email}.")
    click.echo("Until then, this link opens the account. It is good for two weeks; pass it on to nobody else:")
    click.echo(absolute_link("accounts.first_sign_in", token=token))


def _name(text: str) -> str:
    name = one_line(text)
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise CannotRun(f"{text!r} is not a name of 1 to {LONGEST_NAME} characters.")
    return name


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CannotRun(f"{text!r} is not a moment with its zone, such as 2027-03-01T08:00+01:00.")
    return moment


def _unconnected() -> Flask:
    """The application for commands that only ask the code; it never connects to the database."""
    return create_app(_config(database_url="postgresql://127.0.0.1/none"))


@contextmanager
def _application() -> Iterator[Flask]:
    """The application in its context, on its servers, with a database that it knows."""
    with servers(_config()) as config:
        app = create_app(config)
        require_current(app)
        with app.app_context():
            yield app


def _begin(*, with_parent: bool) -> None:
    if with_parent:
        stop_with_parent()


def _say(line: str) -> None:
    """Print at once and in one piece; a terminal that has gone away is no reason to stop."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:
        pass


def _refuse(*sentences: str) -> None:
    for sentence in sentences:
        click.echo(f"grants: {' '.join(sentence.split())}", err=True)
    sys.exit(REFUSED)
