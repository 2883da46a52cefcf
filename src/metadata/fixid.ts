const CONTROL_OR_SEPARATOR = /[\p{Cc}/\\]/u
const MAX_FIXID_BYTES = 255

/** A fixid is opaque; all that is asked of one is that it could be the base name of a file. */
export function isFixid(text: string): boolean {
  return (
    text !== '' && Buffer.byteLength(text) <= MAX_FIXID_BYTES && !CONTROL_OR_SEPARATOR.test(text) && text.isWellFormed()
  )
}
