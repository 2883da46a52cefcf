/** A progress line with the share that is done, the rate and the time left. */
import { humanDuration, humanSize } from './output.ts'

const WIDTH = 24
const REDRAW_MS = 200
/** Weight of the newest sample in the displayed rate, which is an exponential moving average. */
const NEWEST_SHARE = 0.3
const SAMPLE_MS = 500

export interface ProgressBar {
  /** In bytes. */
  update(done: number, total: number): void
  /** Replaces the bar by a summary. */
  end(): void
}

interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export interface ProgressBarOptions {
  /** Default: standard error. If it is not a terminal, only the summary is written. */
  readonly output?: Output
  /** Writes nothing. */
  readonly isQuiet?: boolean
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number
}

export function createProgressBar(label: string, options: ProgressBarOptions = {}): ProgressBar {
  const { output = process.stderr, isQuiet = false, now = () => performance.now() } = options
  const pace = createPace(now)
  const startedAt = now()
  let first: number | undefined
  let last = { done: 0, total: 0 }
  let drawnAt = Number.NEGATIVE_INFINITY

  return {
    update(done, total) {
      // Bytes from before, such as the part of a resumed download, do not count in the rate.
      first ??= done
      last = { done, total }
      pace.add(done)
      if (isQuiet || output.isTTY !== true || now() - drawnAt < REDRAW_MS) return
      drawnAt = now()
      const line = barLine(label, last, pace.bytesPerSecond())
      output.write(`\r${line.slice(0, (output.columns ?? 80) - 1)}\u001b[K`)
    },
    end() {
      if (isQuiet || first === undefined) return
      const seconds = (now() - startedAt) / 1000
      const rate = seconds > 0 ? `, ${humanSize(Math.round((last.done - first) / seconds))}/s` : ''
      const line = `${label} ${humanSize(last.done)} of ${humanSize(last.total)} in ${humanDuration(seconds)}${rate}`
      output.write(output.isTTY === true ? `\r${line}\u001b[K\n` : `${line}\n`)
    }
  }
}

function barLine(label: string, { done, total }: { done: number; total: number }, rate: number | undefined): string {
  const share = total === 0 ? 1 : Math.min(done / total, 1)
  const filled = Math.round(share * WIDTH)
  const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled)
  const percent = `${Math.floor(share * 100)}`.padStart(3)
  const speed = rate === undefined ? '' : `  ${humanSize(Math.round(rate))}/s`
  const left = rate === undefined || rate === 0 ? '' : `  ${humanDuration((total - done) / rate)} left`
  return `${label} ${bar} ${percent} %  ${humanSize(done)} of ${humanSize(total)}${speed}${left}`
}

function createPace(now: () => number) {
  let sample: { bytes: number; at: number } | undefined
  let rate: number | undefined
  return {
    add(bytes: number): void {
      const at = now()
      if (sample === undefined) sample = { bytes, at }
      if (at - sample.at < SAMPLE_MS) return
      const present = Math.max(0, ((bytes - sample.bytes) * 1000) / (at - sample.at))
      rate = rate === undefined ? present : NEWEST_SHARE * present + (1 - NEWEST_SHARE) * rate
      sample = { bytes, at }
    },
    /** Undefined until the first sample is complete. */
    bytesPerSecond: () => rate
  }
}
