/** Times as people write them: `30m`, `12h`, `7d`, `4w`. */

export const DURATION = /^([1-9]\d{0,5})\s*([mhdw])$/

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** Milliseconds; 0 for what does not fit `DURATION`. */
export function parseDuration(text: string): number {
  const [, number = '0', unit = 'm'] = DURATION.exec(text) ?? []
  return Number(number) * (UNITS_MS[unit] ?? 0)
}
