/** How the bytes of a text are to be read. */

const DECLARATION = /^<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']/

/** The encoding of a metadata file: a byte order mark decides, then the XML declaration, then it is UTF-8. */
export function encodingOf(bytes: Uint8Array): string {
  const [first, second, third] = bytes
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8'
  // XML 1.0, appendix F: UTF-16 shows in the mark, or in the zero byte beside the first `<`.
  if ((first === 0xff && second === 0xfe) || (first === 0x3c && second === 0)) return 'utf-16le'
  if ((first === 0xfe && second === 0xff) || (first === 0 && second === 0x3c)) return 'utf-16be'
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 200)).toString('latin1')
  const declared = DECLARATION.exec(head)?.[1]?.toLowerCase() ?? 'utf-8'
  // A declaration that could be read byte by byte is not in UTF-16, whatever it says.
  return declared.startsWith('utf-16') ? 'utf-8' : declared
}

/**
 * The text of a file that is for people, whatever its bytes are. What says nothing of its encoding and is not valid
 * UTF-8 was written on Windows, for which every byte is a character.
 */
export function readableText(bytes: Uint8Array): string {
  const encoding = unmarkedUtf16(bytes) ?? encodingOf(bytes)
  if (encoding.startsWith('utf-16')) return new TextDecoder(encoding).decode(bytes)
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

/** UTF-16 without a mark shows in the zero byte beside the first Latin letter; no other text has one there. */
function unmarkedUtf16([first, second]: Uint8Array): string | undefined {
  if (first === 0 && second !== undefined && second !== 0) return 'utf-16be'
  return second === 0 && first !== 0 ? 'utf-16le' : undefined
}
