/** The manifest of an export, as `GET /api/v1/exports/{id}/manifest` sends it. The file of one is untrusted input. */
import fs from 'node:fs'
import { Refusal } from '../../core/problems/refusal.ts'
import { reasonOf } from '../../core/problems/system-error.ts'

export interface Manifest {
  readonly archiveName: string
  /** Bytes. */
  readonly archiveSize: number
  /** Of the plan; lower-case hex. */
  readonly digest: string
  readonly files: readonly ManifestFile[]
}

export interface ManifestFile {
  readonly path: string
  readonly size: number
  readonly packedSize: number
  /** Eight hexadecimal digits. */
  readonly crc32: string
  readonly sha256: string
  /** ISO 8601. */
  readonly modifiedAt: string
}

/** @throws Refusal */
export function readManifest(file: string): Manifest {
  try {
    return checkManifest(JSON.parse(fs.readFileSync(file, 'utf8')))
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'it is not a manifest' : reasonOf(error)
    throw new Refusal(`The manifest ${file} cannot be used: ${reason}.`, { cause: error })
  }
}

/** @throws SyntaxError */
export function checkManifest(value: unknown): Manifest {
  const { archiveName, archiveSize, digest, files } = Object(value)
  const isManifest =
    typeof archiveName === 'string' && isCount(archiveSize) && isHex(digest, 64) && Array.isArray(files)
  if (!isManifest || !files.every(isFile)) throw new SyntaxError('it is not a manifest')
  return { archiveName, archiveSize, digest, files }
}

function isFile(value: unknown): value is ManifestFile {
  const { path, size, packedSize, crc32, sha256, modifiedAt } = Object(value)
  return (
    typeof path === 'string' &&
    isCount(size) &&
    isCount(packedSize) &&
    isHex(crc32, 8) &&
    isHex(sha256, 64) &&
    typeof modifiedAt === 'string' &&
    !Number.isNaN(Date.parse(modifiedAt))
  )
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isHex(value: unknown, length: number): value is string {
  return typeof value === 'string' && value.length === length && /^[0-9a-f]*$/.test(value)
}
