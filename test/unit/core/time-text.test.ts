import t from 'tap'
import { parseUtcTime } from '../../../src/core/time-text.ts'

t.test('days and times are read to the millisecond', async (t) => {
  for (const [text, iso] of [
    ['2026-01-05', '2026-01-05T00:00:00.000Z'],
    ['2026-01-05T09:30Z', '2026-01-05T09:30:00.000Z'],
    ['2026-01-05T09:30:01Z', '2026-01-05T09:30:01.000Z'],
    ['2026-01-05T09:30:01.25Z', '2026-01-05T09:30:01.250Z']
  ] as const) {
    t.equal(parseUtcTime(text)?.toISOString(), iso)
  }
})

t.test('what no calendar has, and another form, is no time', async (t) => {
  const cases = ['2026-02-30', '2026-13-01', '2026-01-05T24:00Z', '2026-01-05T09:60Z', '2026-01-05 09:30', '5 Jan', '']
  for (const text of [...cases, '2026-01-05T09:30']) t.equal(parseUtcTime(text), undefined, text)
})
