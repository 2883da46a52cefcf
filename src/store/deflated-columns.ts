import type { Deflated } from '../core/deflation.ts'

/** The columns in which several tables have it; both are null, or none. */
interface DeflatedColumns {
  readonly deflated_size: number | null
  readonly deflated_crc32: number | null
}

/** As a member to be spread: it is not there for what is stored. */
export function toDeflated({ deflated_size: size, deflated_crc32: crc32 }: DeflatedColumns): { deflated?: Deflated } {
  return size === null || crc32 === null ? {} : { deflated: { size, crc32 } }
}
