/** The law of scale as one picture: how time, memory and latency grow, each a panel with logarithmic axes, as SVG. */
import type { Series, Step } from './growth.ts'

interface Curve {
  /** Stands at its end; empty where there is one curve only. */
  readonly label: string
  readonly color: string
  readonly value: (step: Step) => number
}

interface Measure {
  readonly title: string
  readonly curves: readonly Curve[]
}

const MEASURES: readonly Measure[] = [
  { title: 'export, seconds', curves: [{ label: '', color: '#1f5fa8', value: ({ seconds }) => seconds }] },
  {
    title: 'RSS of the server, MB',
    curves: [{ label: '', color: '#2b7d3b', value: ({ rssBytes }) => rssBytes / 1e6 }]
  },
  {
    title: 'status, ms',
    curves: [
      { label: 'p50', color: '#8a4b9c', value: ({ p50 }) => p50 },
      { label: 'p99', color: '#c2571a', value: ({ p99 }) => p99 }
    ]
  }
]

export const TITLE = 'Time of an export, memory and latency of the server, by bytes, entries and queued tasks'

const PANEL = { width: 320, height: 200 }
const PLOT = { left: 52, top: 30, right: 16, bottom: 44 }
const MARGIN = 12
const INK = '#222'
const FAINT = '#ddd'

/** A range of powers of ten. */
interface Axis {
  readonly from: number
  readonly to: number
}

export function drawScale(series: readonly Series[]): string {
  const width = 2 * MARGIN + series.length * PANEL.width
  const height = 2 * MARGIN + MEASURES.length * PANEL.height
  const panels = MEASURES.flatMap((measure, row) =>
    series.map((each, column) => {
      const place = `translate(${MARGIN + column * PANEL.width} ${MARGIN + row * PANEL.height})`
      return `<g transform="${place}">${drawPanel(measure, each)}</g>`
    })
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11" fill="${INK}">
<title>${TITLE}</title>
<rect width="${width}" height="${height}" fill="#fff"/>
${panels.join('\n')}
</svg>
`
}

function drawPanel({ title, curves }: Measure, { name, unit, perUnit, steps }: Series): string {
  const sizes = steps.map(({ size }) => size / perUnit)
  const x = axisOf(sizes)
  const y = axisOf(curves.flatMap(({ value }) => steps.map(value)))
  const across = (size: number) => PLOT.left + share(x, size) * (PANEL.width - PLOT.left - PLOT.right)
  const up = (value: number) => PANEL.height - PLOT.bottom - share(y, value) * (PANEL.height - PLOT.top - PLOT.bottom)
  return [
    text(PLOT.left, 18, `${title}, by ${name}`, 'start', 'font-weight="bold"'),
    ...decades(x).map((tick) => line(across(tick), up(10 ** y.from), across(tick), up(10 ** y.to), FAINT)),
    ...decades(y).map((tick) => line(across(10 ** x.from), up(tick), across(10 ** x.to), up(tick), FAINT)),
    ...decades(x).map((tick) => text(across(tick), PANEL.height - PLOT.bottom + 14, shortly(tick), 'middle')),
    ...decades(y).map((tick) => text(PLOT.left - 6, up(tick) + 4, shortly(tick), 'end')),
    text((PLOT.left + PANEL.width - PLOT.right) / 2, PANEL.height - PLOT.bottom + 30, unit, 'middle'),
    ...drawSlope(x, y, across, up),
    ...curves.map(({ color, value }) => {
      const points = steps.map((step) => `${round(across(step.size / perUnit))},${round(up(value(step)))}`)
      const dots = points.map(
        (point) => `<circle cx="${point.split(',')[0]}" cy="${point.split(',')[1]}" r="3" fill="${color}"/>`
      )
      return `<polyline points="${points.join(' ')}" fill="none" stroke="${color}" stroke-width="2"/>${dots.join('')}`
    }),
    ...curves.map(({ label, color, value }) => {
      const last = steps.at(-1)
      if (last === undefined) return ''
      const [endX, endY] = [across(last.size / perUnit), up(value(last))]
      return text(endX - 2, endY - 8, label, 'end', `fill="${color}" font-weight="bold"`)
    })
  ].join('')
}

/** A dashed line along which all that is linear runs, from the lower left corner to where it leaves the panel. */
function drawSlope(x: Axis, y: Axis, across: (size: number) => number, up: (value: number) => number): string[] {
  const length = Math.min(x.to - x.from, y.to - y.from)
  const [endX, endY] = [across(10 ** (x.from + length)), up(10 ** (y.from + length))]
  return [
    line(across(10 ** x.from), up(10 ** y.from), endX, endY, '#999', 'stroke-dasharray="4 3"'),
    text(endX - 12, endY + 11, 'linear', 'end', 'fill="#777"')
  ]
}

/** Whole powers of ten around the values. */
function axisOf(values: readonly number[]): Axis {
  const from = Math.floor(Math.log10(Math.min(...values)))
  return { from, to: Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values)))) }
}

const share = ({ from, to }: Axis, value: number) => (Math.log10(value) - from) / (to - from)

const decades = ({ from, to }: Axis) => Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index))

const shortly = (value: number) =>
  value >= 1000 ? `${(value / 1000).toLocaleString('en')}k` : String(Number(value.toPrecision(3)))

const round = (value: number) => Math.round(value * 10) / 10

function line(x1: number, y1: number, x2: number, y2: number, color: string, more = ''): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${color}" ${more}/>`
}

function text(x: number, y: number, words: string, anchor: string, more = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" ${more}>${words}</text>`
}
