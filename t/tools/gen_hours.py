#!/usr/bin/python3
"""Writes t/vectors/hours.json: what business hours must answer.

    gen_hours.py > t/vectors/hours.json

The answers come from Python's zoneinfo and from sets of intervals computed
here in the plainest way, by another algorithm than that of core/: cut and
join lists of intervals, then walk along them.  diff_hours.py compares many
more, drawn at random, with the same oracle.

The file must stay right when tzdata is updated: zones whose clocks change
are asked about the past alone.
"""

import bisect
import calendar
import datetime
import json
import random
import sys
import zoneinfo

DAY = 86400
BACK, AHEAD = 400 * DAY, 800 * DAY      # what a table knows around t
DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
EPOCH = datetime.datetime(1970, 1, 1)
UTC = datetime.timezone.utc

# clocks that stay as they are, and clocks that are asked about the past
STEADY = ['America/Mexico_City', 'America/Cancun', 'America/Hermosillo',
          'Asia/Kolkata', 'Asia/Kathmandu', 'Etc/UTC']
CHANGING = ['America/Tijuana', 'America/Ciudad_Juarez', 'America/Ojinaga',
            'America/New_York', 'America/Santiago', 'America/St_Johns',
            'Europe/Madrid', 'Europe/London', 'Europe/Dublin',
            'Australia/Lord_Howe', 'Australia/Adelaide', 'Pacific/Apia',
            'Pacific/Chatham', 'Antarctica/Troll']


def seconds(year, month=1, day=1, hour=0, minute=0):
    """UTC seconds of a UTC date and time."""
    return int((datetime.datetime(year, month, day) - EPOCH).total_seconds()
               ) + hour * 3600 + minute * 60


def utc(zone, wall):
    """Instant of a wall clock, of a gap by the offset before it, of an
    overlap the first: what fold=0 means."""
    return int((EPOCH + datetime.timedelta(seconds=wall))
               .replace(tzinfo=zone, fold=0).timestamp())


def local(zone, t):
    return datetime.datetime.fromtimestamp(t, UTC).astimezone(zone)


def day_number(text):
    return (datetime.date.fromisoformat(text)
            - datetime.date(1970, 1, 1)).days


def clock(text):
    hour, minute = text.split(':')
    return int(hour) * 3600 + int(minute) * 60


def wall(text):
    """'2026-12-30T13:00' as if it were UTC."""
    return int((datetime.datetime.fromisoformat(text)
                - EPOCH).total_seconds())


def weekday_of(year, month, nth, weekday):
    """Of a month: the nth weekday, 0 is Monday."""
    days = [w[weekday] for w in calendar.monthcalendar(year, month)
            if w[weekday]]
    return datetime.date(year, month, days[nth - 1])


def lft74(year):
    """Ley Federal del Trabajo, article 74, I to VIII."""
    days = [datetime.date(year, 1, 1), weekday_of(year, 2, 1, 0),
            weekday_of(year, 3, 3, 0), datetime.date(year, 5, 1),
            datetime.date(year, 9, 16), weekday_of(year, 11, 3, 0),
            datetime.date(year, 12, 25)]
    if year >= 2024 and (year - 2024) % 6 == 0:
        days.append(datetime.date(year, 10, 1))
    return [day.isoformat() for day in sorted(days)]


# sets of instants: sorted lists of [from, until), neither empty nor touching

def union(intervals):
    out = []
    for start, end in sorted(tuple(i) for i in intervals if i[0] < i[1]):
        if out and start <= out[-1][1]:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([start, end])
    return out


def minus(one, two):
    out = []
    k = 0
    for start, end in one:
        while k < len(two) and two[k][1] <= start:
            k += 1
        j = k
        while j < len(two) and two[j][0] < end:
            if two[j][0] > start:
                out.append([start, two[j][0]])
            start = max(start, two[j][1])
            j += 1
        if start < end:
            out.append([start, end])
    return out


class Oracle:
    """One calendar, expanded between two years."""

    def __init__(self, cal, first, last):
        self.zone = zoneinfo.ZoneInfo(cal['tz'])
        holidays = set(cal.get('holidays', ()))
        if cal.get('mx'):
            for year in range(first - 1, last + 2):
                holidays.update(lft74(year))

        shifts = []
        day = datetime.date(first, 1, 1) - datetime.timedelta(days=3)
        while day.year <= last:
            text = day.isoformat()
            if text in cal['dates']:
                ranges = cal['dates'][text]
            elif text in holidays:
                ranges = []
            else:
                ranges = cal['weekly'].get(DAYS[day.weekday()], [])
            midnight = day_number(text) * DAY
            for start, end in ranges:
                shifts.append((utc(self.zone, midnight + clock(start)),
                               utc(self.zone, midnight + clock(end))))
            day += datetime.timedelta(days=1)

        closed = union([self.period(p) for p in cal['closed']]
                       + list(cal.get('closed_utc', ())))
        extra = [self.period(p) for p in cal['extra']]
        self.open = union(minus(union(shifts), closed) + extra)
        self.starts = [i[0] for i in self.open]
        self.ends = [i[1] for i in self.open]

    def period(self, pair):
        return tuple(utc(self.zone, wall(text)) for text in pair)

    def walk(self, t, stop, pauses=()):
        """The pieces of open time in [t, stop) outside of the pauses."""
        k = bisect.bisect_right(self.ends, t)
        pieces = []
        while k < len(self.open) and self.open[k][0] < stop:
            pieces.append([max(self.open[k][0], t),
                           min(self.open[k][1], stop)])
            k += 1
        return minus(pieces, pauses) if pauses else pieces

    def due(self, t, need, pauses=()):
        if need == 0:
            return t
        for start, end in self.walk(t, t + AHEAD, pauses):
            if end - start >= need:
                return start + need
            need -= end - start
        return None

    def between(self, t, until, pauses=()):
        if until <= t:
            return 0
        return sum(end - start for start, end in self.walk(t, until, pauses))

    def case(self, name, t, minutes, others):
        k = bisect.bisect_right(self.starts, t) - 1
        is_open = k >= 0 and t < self.open[k][1]
        end = self.open[k][1] if is_open else None
        following = self.starts[k + 1] if k + 1 < len(self.starts) else None
        at = local(self.zone, t)
        return {
            'cal': name, 't': t, 'open': is_open,
            'end': end if end and end < t + AHEAD else None,
            'next_open': following
            if following and following < t + AHEAD else None,
            'add': [[m, self.due(t, 60 * m)] for m in minutes],
            'between': [[o, self.between(t, o)] for o in others],
            'local': [at.year, at.month, at.day, at.isoweekday() % 7,
                      at.hour, at.minute, at.second,
                      int(at.utcoffset().total_seconds()),
                      int(bool(at.dst()))]}

    def sla(self, name, t, minutes, pauses, others):
        known = union([(p[0], p[1] or t + 2 * AHEAD) for p in pauses])
        return {'cal': name, 't': t, 'minutes': minutes, 'pauses': pauses,
                'due': self.due(t, 60 * minutes, known),
                'elapsed': [[o, self.between(t, o, known)] for o in others]}


# material

def cal(name, tz, weekly, **more):
    made = {'id': name, 'tz': tz, 'weekly': weekly, 'dates': {},
            'closed': [], 'extra': []}
    made.update(more)
    return made


def week(days, *ranges):
    return {day: [list(r) for r in ranges] for day in days}


def changes(zone, first, last):
    """Instants at which the offset of a zone changes."""
    found = []
    t, end = seconds(first), seconds(last + 1)
    before = local(zone, t).utcoffset()
    while t < end:
        t += DAY
        now = local(zone, t).utcoffset()
        if now != before:
            low, high = t - DAY, t
            while high - low > 1:
                middle = (low + high) // 2
                if local(zone, middle).utcoffset() == before:
                    low = middle
                else:
                    high = middle
            found.append(high)
            before = now
    return found


def near(rng, zone, at, hours=30):
    """A wall clock text some hours around an instant, by the half hour."""
    moved = local(zone, at) + datetime.timedelta(
        minutes=30 * rng.randint(-2 * hours, 2 * hours))
    return moved.strftime('%Y-%m-%dT%H:') + ('30' if moved.minute >= 30
                                             else '00')


def random_calendar(rng, name, tz, first, last):
    """Shifts, dates, closures and openings, thickest around changes."""
    zone = zoneinfo.ZoneInfo(tz)
    steps = changes(zone, first, last) or [seconds(first + 1)]
    weekly, dates, periods = {}, {}, ([], [])

    def ranges(n):
        out = []
        for _ in range(n):
            start = rng.choice([0, 60, 90, 120, 150, 180, 540, 840, 1320,
                                30 * rng.randrange(48)])
            end = rng.choice([start + 30, start + 60, start + 480, 1440, 1800,
                              2880])
            if start < end <= 2880:
                out.append(['%02d:%02d' % divmod(start, 60),
                            '%02d:%02d' % divmod(end, 60)])
        return out

    for day in DAYS:
        weekly[day] = ranges(rng.choice([0, 1, 1, 2, 3]))
    for _ in range(40):
        moved = local(zone, rng.choice(steps)) + datetime.timedelta(
            days=rng.randint(-2, 2))
        dates[moved.date().isoformat()] = ranges(rng.choice([0, 0, 1, 2]))
    for kind in periods:
        for _ in range(40):
            step = rng.choice(steps)
            pair = sorted(near(rng, zone, step) for _ in range(2))
            if pair[0] < pair[1]:
                kind.append(pair)
    for step in steps:
        add_inverted(rng, zone, step, dates, periods)
    return cal(name, tz, weekly, dates=dates, closed=periods[0],
               extra=periods[1])


def add_inverted(rng, zone, step, dates, periods):
    """Where the clock goes forward: ranges that end before they start."""
    gap = (local(zone, step).utcoffset() - local(zone, step - 1).utcoffset())
    if not 0 < gap.total_seconds() <= 3 * 3600:
        return
    end = local(zone, step).replace(tzinfo=None)
    middle = end - gap / 2
    if rng.random() < 0.5 and middle.date() == end.date():
        dates[middle.date().isoformat()] = [[middle.strftime('%H:%M'),
                                             end.strftime('%H:%M')]]
    elif rng.random() < 0.5:
        rng.choice(periods).append([at.isoformat(timespec='minutes') for at
                                    in (middle, end
                                        + datetime.timedelta(minutes=5))])


def instants(rng, oracle, n, first, last):
    """Half at random, half at and beside edges and changes of the clock."""
    low, high = seconds(first), seconds(last)
    edges = [e for i in oracle.open for e in i if low <= e < high]
    edges += [c for c in changes(oracle.zone, first, last - 1)
              if low <= c < high]
    out = []
    for k in range(n):
        if k % 2 or not edges:
            out.append(rng.randrange(low, high))
        else:
            out.append(rng.choice(edges) + rng.choice([-1, 0, 0, 1, -3600,
                                                       1800]))
    return out


def questions(rng, oracle, name, n, first, last):
    cases, slas = [], []
    for t in instants(rng, oracle, n, first, last):
        minutes = [rng.choice([0, 1, 30, 59, 60, 61, 480, 540, 541, 2700,
                               10000, rng.randrange(20000)])
                   for _ in range(3)]
        others = [t + rng.randrange(-DAY, 300 * DAY),
                  t + rng.randrange(3 * DAY), t + rng.randrange(AHEAD)]
        k = bisect.bisect_right(oracle.ends, t)
        if k < len(oracle.open):
            # exactly the open time until it closes
            left = oracle.between(t, oracle.ends[k])
            if left % 60 == 0 and left <= 10 ** 7:
                minutes.append(left // 60)
            if oracle.ends[k] < t + AHEAD:
                others.append(oracle.ends[k])
        cases.append(oracle.case(name, t, minutes, others))
        if rng.random() < 0.3:
            slas.append(questions_sla(rng, oracle, name, t))
    return cases, slas


def questions_sla(rng, oracle, name, t):
    pauses = []
    for _ in range(rng.randrange(5)):
        start = t + rng.randrange(-2 * DAY, 20 * DAY)
        pauses.append([start, start + rng.randrange(1, 6 * DAY)])
    if rng.random() < 0.2:
        pauses.append([t + rng.randrange(20 * DAY), None])
    others = [t + rng.randrange(30 * DAY) for _ in range(3)]
    return oracle.sla(name, t, rng.choice([0, 60, 240, 540, 2700]), pauses,
                      others)


def zone_questions(rng, tz, n, first, last):
    """Offsets of instants, instants of wall clocks, both thick at changes."""
    zone = zoneinfo.ZoneInfo(tz)
    steps = changes(zone, first, last)
    out = {'tz': tz, 'local': [], 'utc': []}
    for k in range(n):
        if k % 2 and steps:
            t = rng.choice(steps) + rng.choice([-1, 0, 1, rng.randint(
                -2 * DAY, 2 * DAY)])
        else:
            t = rng.randrange(seconds(first), seconds(last))
        out['local'].append(
            [t, int(local(zone, t).utcoffset().total_seconds())])
        clock_of = t + int(local(zone, t).utcoffset().total_seconds())
        clock_of += rng.choice([0, 0, rng.randint(-2 * 3600, 2 * 3600)])
        out['utc'].append([clock_of, utc(zone, clock_of)])
    return out


def known_answers():
    """Facts of the promise, each worked out by hand."""
    def at(year, month, day, hour, minute=0):
        return seconds(year, month, day, hour + 6, minute)

    facts = [(at(2026, 11, 20, 17, 30), 120, at(2026, 11, 23, 10, 30)),
             (at(2026, 11, 13, 18), 60, at(2026, 11, 17, 10)),
             (at(2026, 11, 23, 9), 540, at(2026, 11, 23, 18)),
             (at(2026, 12, 31, 17), 1440, at(2027, 1, 6, 14)),
             (at(2026, 11, 21, 12), 0, at(2026, 11, 21, 12)),
             (at(2030, 9, 30, 17), 120, at(2030, 10, 2, 10))]
    return facts


ICS = '''BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//soporte//hours//ES
BEGIN:VEVENT
UID:1
SUMMARY:Primer lunes de febrero
DTSTART;VALUE=DATE:20180205
RRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=1MO
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:Transmisión del Poder Ejecutivo Federal, cada seis años, por si
  la línea se dobla
DTSTART;VALUE=DATE:20181001
RRULE:FREQ=YEARLY;INTERVAL=6
END:VEVENT
BEGIN:VEVENT
UID:3
SUMMARY:Puente\\, tres días
DTSTART;VALUE=DATE:20221229
DTEND;VALUE=DATE:20230101
END:VEVENT
BEGIN:VEVENT
UID:4
SUMMARY:Tarde libre
DTSTART:20200320T130000
DURATION:PT6H
RRULE:FREQ=YEARLY;COUNT=3
EXDATE:20210320T130000
END:VEVENT
BEGIN:VEVENT
UID:5
SUMMARY:No se hizo
STATUS:CANCELLED
DTSTART;VALUE=DATE:20220801
END:VEVENT
BEGIN:VEVENT
UID:6
SUMMARY:Mantenimiento
DTSTART:20230614T160000Z
DTEND:20230614T200000Z
END:VEVENT
END:VCALENDAR
'''


def ics_calendar():
    holidays = [weekday_of(y, 2, 1, 0).isoformat() for y in range(2018, 2027)]
    holidays += ['%d-10-01' % y for y in (2018, 2024)]
    holidays += ['2022-12-29', '2022-12-30', '2022-12-31']
    return cal('ics', 'America/Cancun', week(DAYS, ('09:00', '18:00')),
               ics=ICS, holidays=holidays,
               closed_utc=[(seconds(2020, 3, 20, 18), seconds(2020, 3, 21)),
                           (seconds(2022, 3, 20, 18), seconds(2022, 3, 21)),
                           (seconds(2023, 6, 14, 16), seconds(2023, 6, 14,
                                                              20))])


def main():
    rng = random.Random(74)
    work = week(DAYS[:5], ('09:00', '18:00'))
    doc = {'format': 1, 'calendars': [], 'cases': [], 'sla': [], 'zones': []}

    def add(made, n, first, last):
        oracle = Oracle(made, first - 2, last + 3)
        cases, slas = questions(rng, oracle, made['id'], n, first, last)
        doc['calendars'].append(
            {k: v for k, v in made.items()
             if k not in ('holidays', 'closed_utc')})
        doc['cases'] += cases
        doc['sla'] += slas
        return oracle

    promise = add(cal('promise', STEADY[0], work, mx=True), 60, 2023, 2048)

    for t, minutes, due in known_answers():
        case = promise.case('promise', t, [minutes], [])
        assert case['add'] == [[minutes, due]], (t, minutes, due)
        doc['cases'].append(case)

    add(cal('split', STEADY[0], week(DAYS[:6], ('09:00', '14:00'),
                                     ('16:00', '19:00')), mx=True,
            dates={'2026-12-24': [['09:00', '14:00']], '2026-12-12': []},
            closed=[['2026-12-30T13:00', '2027-01-02T00:00']],
            extra=[['2026-12-26T10:00', '2026-12-26T13:00'],
                   ['2026-12-30T12:00', '2026-12-30T15:00']]),
        40, 2026, 2028)
    add(cal('nights', STEADY[1], week(DAYS[4:6], ('22:00', '30:00')),
            mx=True), 30, 2024, 2030)
    add(cal('always', STEADY[3], week(DAYS, ('00:00', '24:00'))),
        10, 2024, 2030)
    add(cal('never', STEADY[0], {}), 6, 2024, 2030)
    add(ics_calendar(), 60, 2019, 2024)

    for tz in STEADY[:3]:
        add(random_calendar(rng, 'random ' + tz, tz, 2020, 2024), 20, 2020,
            2025)
    for tz in CHANGING:
        add(random_calendar(rng, 'random ' + tz, tz, 2018, 2023), 12, 2019,
            2023)
        doc['zones'].append(zone_questions(rng, tz, 40, 2005, 2024))

    lists = {k: v for k, v in doc.items() if k != 'format'}
    print('{"format":1', end='')
    for key, rows in lists.items():
        print(',\n"%s":[' % key)
        print(',\n'.join(json.dumps(row, separators=(',', ':'))
                         for row in rows), end=']')
    print('}')


if __name__ == '__main__':
    sys.exit(main())
