#!/usr/bin/python3
"""Prevents: an hour wrong in some zone, some year, some mix of rules.

    diff_hours.py [--quick] [--seed N] [--program build/vectors-hours]

Draws calendars in many zones and questions up to 2050 at random, answers them
by Python's zoneinfo (gen_hours.py) and has the core answer them, too.  Prints
"N passed, M failed", counted in values.  The zones are those of the machine:
both sides read the same files.  The seed is fixed unless one is given.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import zoneinfo

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import gen_hours as gen                             # noqa: E402

ZONES = gen.STEADY + gen.CHANGING + [
    'America/Havana', 'America/Nuuk', 'America/Asuncion', 'America/Sao_Paulo',
    'America/Vancouver', 'Europe/Chisinau', 'Africa/Cairo',
    'Africa/Casablanca', 'Africa/El_Aaiun', 'Asia/Beirut', 'Asia/Gaza',
    'Asia/Jerusalem', 'Asia/Tehran', 'Pacific/Auckland', 'Pacific/Norfolk',
    'Etc/GMT-14', 'Etc/GMT+12']

YEARS = 5                                           # of one calendar


def values(doc):
    """How many answers are compared."""
    return (sum(3 + 9 + len(c['add']) + len(c['between'])
                for c in doc['cases'])
            + sum(1 + len(s['elapsed']) for s in doc['sla'])
            + sum(len(z['local']) + 2 * len(z['utc']) for z in doc['zones']))


def draw(rng, zones, calendars, questions, instants):
    doc = {'format': 1, 'calendars': [], 'cases': [], 'sla': [], 'zones': []}
    for tz in zones:
        for k in range(calendars):
            name = '%s %d' % (tz, k)
            first = rng.randrange(2020, 2050 - YEARS)
            last = first + YEARS
            made = gen.random_calendar(rng, name, tz, first, last)
            made['mx'] = rng.random() < 0.5
            oracle = gen.Oracle(made, first - 2, last + 3)
            cases, slas = gen.questions(rng, oracle, name, questions, first,
                                        last)
            doc['calendars'].append(made)
            doc['cases'] += cases
            doc['sla'] += slas
        doc['zones'].append(gen.zone_questions(rng, tz, instants, 1970, 2050))
    return doc


def main():
    args = argparse.ArgumentParser()
    args.add_argument('--quick', action='store_true')
    args.add_argument('--seed', type=int, default=9636)
    args.add_argument('--program', default='build/vectors-hours')
    args = args.parse_args()

    zones = sorted(set(ZONES) & zoneinfo.available_timezones())
    if len(zones) < 20:
        sys.exit('the zones of tzdata are not installed')

    rng = random.Random(args.seed)
    doc = draw(rng, zones, *((1, 12, 60) if args.quick else (4, 60, 1500)))

    with tempfile.NamedTemporaryFile('w', suffix='.json') as file:
        json.dump(doc, file)
        file.flush()
        run = subprocess.run([args.program, file.name], text=True,
                             stdout=subprocess.PIPE, check=False)

    lines = run.stdout.splitlines()
    wrong = [line for line in lines if ', expected ' in line]
    print('# %d zones, seed %d' % (len(zones), args.seed))
    for line in lines[:-1][:40]:
        print('# ' + line)
    total = values(doc)

    if run.returncode not in (0, 1) or (run.returncode == 1) != bool(wrong):
        sys.exit('%s ended with %d' % (args.program, run.returncode))

    print('%d passed, %d failed' % (total - len(wrong), len(wrong)))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
