#!/usr/bin/python3
"""Writes t/vectors/sla.json: minutes and months with expected answers.

A model of its own of the rules in the manual, made without looking at the
core: named cases first, then 1,000 random minutes and 1,000 random months of
a fixed seed.  Run it again only when a rule changes:

    t/tools/gen_sla.py > t/vectors/sla.json

With a number as its argument the random ones are others.
"""

import json
import random
import sys
from decimal import Decimal, ROUND_FLOOR
from fractions import Fraction

MILLION = 1000000


# ---------------------------------------------------------------- the model

def slot_badness(counts, verdicts):
    """Share of a served slot that failed, as a Fraction; None: not seen."""
    bad = counts['hard'] + counts['soft']
    all_of_them = bad + counts['good']

    if all_of_them >= 3:
        return Fraction(bad, all_of_them)

    if verdicts:
        return Fraction(bad + majority_fails(verdicts), all_of_them + 1)

    return Fraction(bad, all_of_them) if all_of_them else None


def majority_fails(verdicts):
    failed = verdicts.count('fail')
    return int(failed > 0 and 2 * failed >= len(verdicts))


def is_serving(minute, node, slot):
    if 'serving' in minute:
        return minute['serving'][node][slot]
    return minute['nodes'][node][slot] is not None


def look_at(minute, slot):
    """(badness, counts, a reason beyond soft errors) of one slot."""
    nodes = minute['nodes']
    recorded = [node[slot] for node in nodes if node[slot] is not None]
    counts = {key: sum(one.get(key, 0) for one in recorded)
              for key in ('good', 'hard', 'soft', 'slow')}
    verdicts = [one['probe'] for one in recorded if one.get('probe')]
    proof = counts['hard'] > 0 or bool(verdicts and majority_fails(verdicts))

    for slots in minute.get('held', {}).values():
        if slot in slots:
            return Fraction(1), counts, True

    if not any(is_serving(minute, n, slot) for n in range(len(nodes))):
        if minute.get('gap', 'down') == 'unknown':
            return None, counts, proof
        return Fraction(1), counts, True

    return slot_badness(counts, verdicts), counts, proof


def judge(minute, excluded):
    """(state, counts as down, is left out, ppm) of a minute in a reading."""
    left_out = minute.get('maintenance_slots', []) if excluded else []
    slots = [s for s in range(6) if s not in left_out]

    if len(slots) < 3:
        return 'maintenance', 0, 1, None

    seen = [(s, *look_at(minute, s)) for s in slots]
    seen = [one for one in seen if one[1] is not None]

    if len(seen) < 3:
        return 'unknown', 0, 0, None

    total = sum(int(MILLION * one[1]) for one in seen)
    ppm = total // len(seen)
    proof = any(one[3] for one in seen)

    if ppm >= MILLION // 2 and proof:
        return label(minute, [one[0] for one in seen], total), 1, 0, ppm

    good = sum(one[2]['good'] for one in seen)
    slow = sum(one[2]['slow'] for one in seen)
    requests = good + sum(one[2]['hard'] + one[2]['soft'] for one in seen)

    if ppm >= MILLION // 20 or (requests >= 20 and 4 * slow >= good):
        return 'degraded', 0, 0, ppm

    return 'up', 0, 0, ppm


def label(minute, slots, total):
    """Down, or the reason for which we answered, if it is half of it."""
    held = {kind: len([s for s in slots
                       if s in minute.get('held', {}).get(kind, [])])
            for kind in ('maintenance', 'restore')}
    ours = held['maintenance'] + held['restore']

    if not ours or 2 * ours * MILLION < total:
        return 'down'

    return ('restore' if held['restore'] >= held['maintenance']
            else 'maintenance')


def percent(part, whole):
    if whole == 0:
        return 'n/a'
    share = Fraction(100 * part, whole)
    floor = Decimal(share.numerator * 10000 // share.denominator)
    return str((floor / 10000).quantize(Decimal('0.0001'), ROUND_FLOOR))


def month(total, down=0, maintenance=0, unknown=0):
    base = total - maintenance
    known = base - unknown
    target = Fraction(9999, 10000)
    answer = {
        'total': total, 'down': down, 'maintenance': maintenance,
        'unknown': unknown,
        'availability': percent(known - down, known),
        'availability_min': percent(base - down - unknown, base),
        'availability_max': percent(base - down, base),
        'verdict': 'n/a', 'budget_seconds': None, 'left_seconds': None}

    if base:
        if Fraction(base - down - unknown, base) >= target:
            answer['verdict'] = 'met'
        elif Fraction(base - down, base) < target:
            answer['verdict'] = 'breached'
        else:
            answer['verdict'] = 'undetermined'

        answer['budget_seconds'] = int(base * 60 * (1 - target))
        answer['left_seconds'] = answer['budget_seconds'] - 60 * down

    return answer


# ---------------------------------------------------------------- the cases

def slot(good=0, hard=0, soft=0, slow=0, probe=None):
    full = {'good': good, 'hard': hard, 'soft': soft, 'slow': slow,
            'probe': probe}
    return {key: value for key, value in full.items() if value}


def answered(minute):
    counted, excluded = judge(minute, False), judge(minute, True)
    return dict(minute, state=excluded[0], ratio_ppm=excluded[3],
                counted=counted[:3], excluded=excluded[:3])


def named_minutes():
    fine, broken = slot(9), slot(0, 9)
    served = [[True] * 6]
    planned = list(range(6))

    return {
        'good': {'nodes': [[slot(10)] * 6]},
        'four percent': {'nodes': [[slot(24, 1)] * 6]},
        'five percent': {'nodes': [[slot(19, 1)] * 6]},
        'two slots': {'nodes': [[broken] * 2 + [fine] * 4]},
        'three slots': {'nodes': [[broken] * 3 + [fine] * 3]},
        'retry storm': {'nodes': [[slot(0, 500)] + [slot(5)] * 5]},
        'soft, probes ok': {'nodes': [[slot(0, 0, 9, 0, 'ok')] * 6]},
        'soft, probes fail': {'nodes': [[slot(0, 0, 9, 0, 'fail')] * 6]},
        'soft, one of three probes fails': {'nodes': [
            [slot(0, 0, 9, 0, 'ok')] * 6, [slot(probe='ok')] * 6,
            [slot(probe='fail')] * 6]},
        'idle, ok': {'nodes': [[slot(probe='ok')] * 6]},
        'idle, fail 2': {'nodes': [[slot(probe='fail')] * 2
                                   + [slot(probe='ok')] * 4]},
        'idle, fail 3': {'nodes': [[slot(probe='fail')] * 3
                                   + [slot(probe='ok')] * 3]},
        'idle, no probe': {'nodes': [[slot()] * 6]},
        'idle, three slots seen': {'nodes': [[slot(1)] * 3 + [slot()] * 3]},
        'idle, two slots seen': {'nodes': [[slot(1)] * 2 + [slot()] * 4]},
        'one hard, probe ok': {'nodes': [[slot(0, 1, probe='ok')] * 6]},
        'one hard in one slot': {'nodes': [[slot(0, 1, probe='ok')]
                                           + [slot(probe='ok')] * 5]},
        'two requests, no probe': {'nodes': [[slot(1, 1)] * 6]},
        'three good, probe fails': {'nodes': [[slot(3, probe='fail')] * 6]},
        'two good, probe fails': {'nodes': [[slot(2, probe='fail')] * 6]},
        'window of 6': {'nodes': [[broken] * 6], 'maintenance_slots': planned},
        'window of 4': {'nodes': [[broken] * 6],
                        'maintenance_slots': [0, 1, 2, 3]},
        'window of 3, rest good': {'nodes': [[broken] * 3 + [fine] * 3],
                                   'maintenance_slots': [0, 1, 2]},
        'window of 3, rest bad': {'nodes': [[fine] * 3 + [broken] * 3],
                                  'maintenance_slots': [0, 1, 2]},
        'window, page served': {'nodes': [[slot()] * 6],
                                'maintenance_slots': planned,
                                'held': {'maintenance': planned}},
        'window not announced': {'nodes': [[slot()] * 6],
                                 'held': {'maintenance': planned}},
        'window ends in the minute': {'nodes': [[slot()] * 3 + [fine] * 3],
                                      'held': {'maintenance': [0, 1, 2]}},
        'window ends early': {'nodes': [[slot()] * 2 + [fine] * 4],
                              'held': {'maintenance': [0, 1]}},
        'restore': {'nodes': [[slot()] * 6], 'held': {'restore': planned}},
        'outage, then restore': {'nodes': [[broken] * 2 + [slot()] * 4],
                                 'held': {'restore': [2, 3, 4, 5]}},
        'outage, restore at its end': {'nodes': [[broken] * 5 + [slot()]],
                                       'held': {'restore': [5]}},
        'incident that blocks': {'nodes': [[slot()] * 6],
                                 'held': {'incident': planned}},
        'operators pass the page': {'nodes': [[fine] * 6],
                                    'held': {'maintenance': planned}},
        'no node': {'nodes': [[None] * 6], 'serving': [[False] * 6]},
        'no node, unknown': {'nodes': [[None] * 6], 'serving': [[False] * 6],
                             'gap': 'unknown'},
        'four slots lost': {'nodes': [[None] * 4 + [fine] * 2],
                            'serving': served},
        'three slots lost': {'nodes': [[None] * 3 + [fine] * 3],
                             'serving': served},
        'edge away 20 s': {'nodes': [[None] * 2 + [fine] * 4]},
        'edge away 30 s': {'nodes': [[None] * 3 + [fine] * 3]},
        'one of two nodes dead': {'nodes': [[None] * 6, [fine] * 6]},
        'third of the traffic': {'nodes': [[slot(6)] * 6, [slot(0, 3)] * 6]},
        'half of the traffic': {'nodes': [[slot(6)] * 6, [slot(0, 6)] * 6]},
        'tie of probes': {'nodes': [[slot(probe='ok')] * 6,
                                    [slot(probe='fail')] * 6]},
        'two of three probes': {'nodes': [[slot(probe='ok')] * 6,
                                          [slot(probe='ok')] * 6,
                                          [slot(probe='fail')] * 6]},
        'quarter slow': {'nodes': [[slot(10, slow=3)] * 3
                                   + [slot(10, slow=2)] * 3]},
        'less than a quarter slow': {'nodes': [[slot(10, slow=3)] * 2
                                               + [slot(10, slow=2)] * 4]},
        'nineteen, all slow': {'nodes': [[slot(3, slow=3)] * 5
                                         + [slot(4, slow=4)]]},
        'twenty, all slow': {'nodes': [[slot(3, slow=3)] * 4
                                       + [slot(4, slow=4)] * 2]},
        'beyond 32 bits': {'nodes': [[slot(4000000000, 300000000)] * 6,
                                     [slot(4000000000, 300000000)] * 6]},
    }


def random_slot(rnd, mood):
    if rnd.random() < 0.08:
        return None

    top = rnd.choice([0, 0, 1, 2, 3, 4, 12, 60, 5000])
    total = rnd.randint(0, top)
    share = rnd.choice(mood)
    bad = sum(rnd.random() < share for _ in range(min(total, 60)))
    bad = min(total, bad * total // max(1, min(total, 60)))
    soft = bad if rnd.random() < 0.3 else rnd.randint(0, bad)
    slow = rnd.choice([0, 0, (total - bad) // 4, total - bad])

    return slot(total - bad, bad - soft, soft, slow,
                rnd.choice([None, None, 'ok', 'ok', 'fail']))


def random_minute(rnd):
    mood = rnd.choice([[0], [0, 0.04, 0.06], [0, 1], [0.4, 0.6], [1], [0.5],
                       [0, 0, 0.3]])
    nodes = [[random_slot(rnd, mood) for _ in range(6)]
             for _ in range(rnd.choice([1, 1, 2, 3]))]
    minute = {'nodes': nodes}

    if rnd.random() < 0.4:
        minute['serving'] = [[one is not None or rnd.random() < 0.5
                              for one in node] for node in nodes]
    if rnd.random() < 0.3:
        first = rnd.randint(0, 5)
        minute['maintenance_slots'] = list(range(first, rnd.randint(first, 5)
                                                 + 1))
    if rnd.random() < 0.3:
        first = rnd.randint(0, 5)
        last = rnd.randint(first, 5) + 1
        middle = rnd.randint(first, last)
        held = {rnd.choice(['maintenance', 'restore', 'incident']):
                list(range(first, middle))}
        held.setdefault(rnd.choice(['maintenance', 'restore']),
                        list(range(middle, last)))
        minute['held'] = held
    if rnd.random() < 0.2:
        minute['gap'] = rnd.choice(['down', 'unknown'])

    return minute


def named_months():
    return [month(43200), month(43200, 4), month(43200, 5), month(44640, 4),
            month(44640, 5), month(40320, 4), month(40320, 5),
            month(41760, 4), month(43200, 4, 240), month(43200, 4, 4000),
            month(43200, 0, 0, 5), month(43200, 3, 0, 1),
            month(43200, 3, 0, 2), month(43200, 5, 0, 100), month(600),
            month(600, 1), month(1440, 0, 1440), month(40000, 4),
            month(39999, 4), month(40000, 4, 0, 1), month(1440, 0, 0, 1440),
            month(0), month(1), month(1, 1), month(44640, 44640), month(44640, 1, 0, 44639),
            month(44640, 4, 4640), month(44640, 4, 4641)]


def random_month(rnd):
    total = rnd.choice([40320, 41760, 43200, 44640, rnd.randint(0, 44640)])
    maintenance = rnd.choice([0, 0, rnd.randint(0, min(240, total)),
                              rnd.randint(0, total)])
    rest = total - maintenance
    unknown = rnd.choice([0, 0, rnd.randint(0, min(9, rest)),
                          rnd.randint(0, rest)])
    down = rnd.choice([0, rnd.randint(0, min(9, rest - unknown)),
                       rnd.randint(0, rest - unknown)])

    return month(total, down, maintenance, unknown)


def main():
    rnd = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 20261122)
    minutes = [answered(dict(id=name, **minute))
               for name, minute in named_minutes().items()]
    minutes += [answered(random_minute(rnd)) for _ in range(1000)]
    months = named_months() + [random_month(rnd) for _ in range(1000)]

    def lines(cases):
        return ',\n'.join(json.dumps(case, separators=(',', ':'))
                          for case in cases)

    print('{"format":"made by t/tools/gen_sla.py; read by build/vectors-sla,'
          ' whose first comment describes it",')
    print('"minutes":[\n' + lines(minutes) + '\n],')
    print('"months":[\n' + lines(months) + '\n]}')


if __name__ == '__main__':
    main()
