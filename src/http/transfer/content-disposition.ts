/** The header Content-Disposition of a download (RFC 6266). */

/**
 * Characters that clients decode differently between quotes: some decode `%41` as `A`, others keep a backslash.
 */
const AMBIGUOUS = /[^\x20-\x7e]|["%\\]/gu

/** Characters that `encodeURIComponent` keeps and RFC 8187 does not allow. */
const UNRESERVED_IN_URLS_ONLY = /['()*]/g

/** The header for a download with this file name, without directories. */
export function attachmentOf(name: string): string {
  const plain = name.replace(AMBIGUOUS, '_')
  const header = `attachment; filename="${plain}"`
  return plain === name ? header : `${header}; filename*=UTF-8''${encodeExtended(name)}`
}

function encodeExtended(text: string): string {
  const percent = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  return encodeURIComponent(text).replace(UNRESERVED_IN_URLS_ONLY, percent)
}
