const CONTROL_OR_SEPARATOR = /[\p{Cc}/\\]/u
const MAX_FIXID_BYTES = 255

/** Whether the text can be a fixid: a fixid is opaque, and must only be usable as the base name of a file. */
export function isFixid(text: string): boolean {
  return (
    text !== '' && Buffer.byteLength(text) <= MAX_FIXID_BYTES && !CONTROL_OR_SEPARATOR.test(text) && text.isWellFormed()
  )
}
