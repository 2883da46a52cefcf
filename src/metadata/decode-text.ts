import { encodingOf } from '../core/catalog/text-encoding.ts'
import { MetadataError } from './metadata-error.ts'

/**
 * Decodes a metadata file: a byte order mark determines the encoding, then the XML declaration; else it is UTF-8.
 * @throws MetadataError `broken-metadata` when the bytes are not valid in the encoding, or the encoding is unknown.
 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new MetadataError('broken-metadata', `its text is not valid ${encodingOf(bytes)}`, { cause })
  }
}
