import { MetadataError } from './metadata-error.ts'

const DECLARATION = /^<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']/

/**
 * Text of a metadata file: a byte order mark decides, then the XML declaration, then UTF-8.
 * @throws MetadataError `broken-metadata` when the bytes do not fit the encoding, or it is not known.
 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new MetadataError('broken-metadata', `its text is not valid ${encodingOf(bytes)}`, { cause })
  }
}

function encodingOf(bytes: Uint8Array): string {
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
