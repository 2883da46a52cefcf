/**
 * A text whose order is the order of the versions: every run of digits has its length in front of it, so that `3.10`
 * comes after `3.9`.
 */
export function versionKey(version: string): string {
  return version.toLowerCase().replace(/\d+/g, (digits) => {
    const number = digits.replace(/^0+(?=\d)/, '')
    return String(number.length).padStart(3, '0') + number
  })
}
