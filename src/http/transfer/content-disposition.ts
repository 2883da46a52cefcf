/** The header Content-Disposition of a download (RFC 6266). */

/**
 * What clients read in different ways between quotes: some take `%41` for an `A`, others leave a backslash in the name.
 */
const AMBIGUOUS = /[^\x20-\x7e]|["%\\]/gu

/** RFC 8187 has fewer characters that stand for themselves than a URL has. */
const UNRESERVED_IN_URLS_ONLY = /['()*]/g

/** A download under this name, which has no directories. */
export function attachmentOf(name: string): string {
  const plain = name.replace(AMBIGUOUS, '_')
  const header = `attachment; filename="${plain}"`
  return plain === name ? header : `${header}; filename*=UTF-8''${encodeExtended(name)}`
}

function encodeExtended(text: string): string {
  const percent = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  return encodeURIComponent(text).replace(UNRESERVED_IN_URLS_ONLY, percent)
}
