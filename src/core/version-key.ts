/**
 * A text whose order is the order of the versions: every run of digits is brought to the same length, so that `3.10`
 * comes after `3.9`.
 */
export function versionKey(version: string): string {
  return version.toLowerCase().replace(/\d+/g, (digits) => digits.replace(/^0+(?=\d)/, '').padStart(12, '0'))
}
