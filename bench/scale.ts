/** The law of scale: how the time of an export, the memory of the server and the latency of the status grow. */
import { type Bench, inMegabytes, type Table, type Target, target } from './bench.ts'
import { exponentOf, riseOf, type Series, type Step } from './growth.ts'
import { drawScale, TITLE } from './scale-picture.ts'
import { measureBytes, measureEntries, measureTasks } from './scale-steps.ts'

const LINEAR = 1.15
const FLAT_RSS = 1.5
const FLAT_LATENCY = 3

export const benchScale: Bench = async (context) => {
  const bytes = await measureBytes(context)
  const series = [bytes.series, await measureEntries(context), await measureTasks(context)]
  const failed = series.flatMap(({ steps }) => steps).reduce((sum, step) => sum + step.failed, 0)
  const leftOut = bytes.leftOut.map((gigabytes) => `${gigabytes} GB: left out, the disk has no room for it`)
  const tables = series.map((each, index) => toTable(each, index === 0 ? leftOut : []))
  return {
    tables,
    targets: [...series.flatMap(toTargets), target('scale: exports that have failed', failed, { atMost: 0 })],
    pictures: [{ file: 'scale.svg', alt: TITLE, svg: drawScale(series) }]
  }
}

const NOTES: Readonly<Record<string, string>> = {
  bytes:
    'A growing repository with realistic sizes, exported completely. What does not fit into memory is read from the disk, for a ' +
    'copy as for an export: so the ratio of both has to stay constant.',
  entries: 'A selection of that many small files, exported repeatedly for some seconds.',
  'queued tasks':
    'That many exports of one package each, requested by 16 clients at a time; seconds until the last of them ends. The poller follows the last.'
}

export function toTable(series: Series, leftOut: readonly string[]): Table {
  return {
    title: `How it grows with ${series.name}`,
    head: [
      series.unit,
      'export s',
      ...(hasCopies(series) ? ['cp -r && sync s', 'ratio'] : []),
      'peak RSS MB',
      'status p50 ms',
      'status p99 ms',
      'failed'
    ],
    rows: series.steps.map(({ size, seconds, copySeconds, rssBytes, p50, p99, failed }) => [
      (size / series.perUnit).toLocaleString('en', { maximumFractionDigits: 2 }),
      seconds.toPrecision(3),
      ...(copySeconds === undefined ? [] : [copySeconds.toPrecision(3), (seconds / copySeconds).toFixed(2)]),
      inMegabytes(rssBytes),
      p50.toFixed(1),
      p99.toFixed(1),
      String(failed)
    ]),
    notes: [NOTES[series.name] ?? '', ...leftOut]
  }
}

function hasCopies({ steps }: Series): boolean {
  return steps.every(({ copySeconds }) => copySeconds !== undefined)
}

function toTargets(series: Series): Target[] {
  const { name } = series
  const inCopies = ({ seconds, copySeconds = Number.NaN }: Step) => seconds / copySeconds
  const growth = hasCopies(series)
    ? target(
        `scale: over the last factor of ten the time grows as that of cp -r && sync does (exponent of the ratio at most ${(LINEAR - 1).toFixed(2)})`,
        exponentOf(series, inCopies),
        { atMost: LINEAR - 1 }
      )
    : target(
        `scale: over the last factor of ten the time is linear in ${name}, or less (exponent at most ${LINEAR})`,
        exponentOf(series, ({ seconds }) => seconds),
        { atMost: LINEAR }
      )
  return [
    growth,
    target(
      `scale: RSS is flat in ${name} (at most ${FLAT_RSS} × the first)`,
      riseOf(series, ({ rssBytes }) => rssBytes),
      {
        atMost: FLAT_RSS
      }
    ),
    target(
      `scale: the status is flat in ${name} (p50 at most ${FLAT_LATENCY} × the first)`,
      riseOf(series, ({ p50 }) => p50),
      {
        atMost: FLAT_LATENCY
      }
    )
  ]
}
