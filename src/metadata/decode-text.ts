import { encodingOf } from '../core/catalog/text-encoding.ts'
import { MetadataError } from './metadata-error.ts'

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
