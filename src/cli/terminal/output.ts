/** Output for people (aligned columns, sizes, times), and one line of JSON for scripts. */
import { styleText } from 'node:util'

const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'] as const

/** Two or three significant digits, such as `1.2 GB`. */
export function humanSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  let value = bytes
  let unit = ''
  for (const next of UNITS) {
    if (value < 999.5) break
    value /= 1000
    unit = next
  }
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${unit}`
}

/** `1:05` or `2:03:05`. @param seconds rounded up */
export function humanDuration(seconds: number): string {
  const whole = Math.ceil(seconds)
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const twoDigits = (value: number) => String(value).padStart(2, '0')
  return hours > 0 ? `${hours}:${twoDigits(minutes)}:${twoDigits(rest)}` : `${minutes}:${twoDigits(rest)}`
}

/** In the local time zone, to the second. @param time ISO 8601 */
export function humanTime(time: string | null): string {
  if (time === null) return ''
  const value = new Date(time)
  const local = new Date(value.getTime() - value.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 19).replace('T', ' ')
}

/** Replaces control characters: names come from files and from the network, and could move the cursor or hide text. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu, '\ufffd')
}

export interface Column {
  readonly title: string
  readonly align?: 'right'
}

/**
 * Lines of a table, without line breaks.
 * @param widths of the columns on the earlier pages of the same table; they are updated for these rows
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  widths: number[] = []
): string[] {
  const isFirst = widths.length === 0
  const cells = rows.map((row) => row.map(printable))
  columns.forEach(({ title }, index) => {
    const longest = cells.reduce((most, row) => Math.max(most, row[index]?.length ?? 0), title.length)
    widths[index] = Math.max(widths[index] ?? 0, longest)
  })
  const line = (row: readonly string[]) =>
    columns
      .map(({ align }, index) => {
        const [cell, width] = [row[index] ?? '', widths[index] ?? 0]
        return align === 'right' ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return [...(isFirst ? [line(columns.map(({ title }) => title))] : []), ...cells.map(line)]
}

/** Lines `name  value`; a fact without a value is omitted. */
export function factLines(facts: readonly (readonly [name: string, value: string])[]): string[] {
  const shown = facts.filter(([, value]) => value !== '')
  const width = Math.max(...shown.map(([name]) => name.length))
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`)
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value))
}

/** Writes to standard error: for people, not for scripts. */
export function log(line: string): void {
  process.stderr.write(`${line}\n`)
}

type Colour = 'green' | 'yellow' | 'red'

/** Colours only on a terminal, and not with NO_COLOR. */
export function coloured(colour: Colour, text: string): string {
  return styleText(colour, text, { stream: process.stdout })
}
