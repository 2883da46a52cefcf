/** Names under which files are sent. */
import { isPartialDownload, splitName } from '../catalog/file-name.ts'
import { Problem } from '../problems/problem.ts'
import { isSafeName } from '../storage/relative-path.ts'

/** What file systems take. */
export const MAX_NAME_BYTES = 255

const MAX_SHOWN = 100

const DRIVE = /^[A-Za-z]:/

/**
 * The name, if a file of the repository can have it.
 * @throws Problem IMPORT_REFUSED
 */
export function checkUploadName(name: string): string {
  const reason = reasonAgainst(name)
  if (reason !== undefined)
    throw new Problem('IMPORT_REFUSED', `The file ${quoteName(name)} is not accepted: ${reason}.`)
  return name
}

function reasonAgainst(name: string): string | undefined {
  if (name === '') return 'it has no name'
  if (!isSafeName(name) || DRIVE.test(name)) return 'its name has a path, a drive, a control character or a backslash'
  if (name.startsWith('.')) return 'its name begins with a dot'
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `its name is longer than ${MAX_NAME_BYTES} bytes`
  if (isPartialDownload(splitName(name).suffix)) return 'it is a download that was not finished'
  return undefined
}

/** A name as a sentence can hold it. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name)
}
