/** The files in the directory of archives whose names are of this server's kind. */
import type { ArchiveState } from '../tasks/job.ts'

export interface ArchiveFile {
  readonly fileName: string
  readonly archiveName: string
  /** Of a part: the token of the lease under which it is written; undefined for a finished archive. */
  readonly token: number | undefined
}

const OWN_NAME = /^(repository\d{14,20}\.zip)(?:\.(\d{1,15})\.part)?$/

/** @param archiveName or its path */
export function partName(archiveName: string, token: number): string {
  return `${archiveName}.${token}.part`
}

/** Undefined for a name that this server does not give: such a file is nobody's business. */
export function parseArchiveFile(fileName: string): ArchiveFile | undefined {
  const [, archiveName, token] = OWN_NAME.exec(fileName) ?? []
  if (archiveName === undefined) return undefined
  return { fileName, archiveName, token: token === undefined ? undefined : Number(token) }
}

/**
 * Whether an archive in this state needs the file. One that is pending may be there already, when only its commit is
 * missing.
 */
export function isArchiveFileNeeded({ token }: ArchiveFile, state: ArchiveState | undefined): boolean {
  return state === 'pending' || (state === 'kept' && token === undefined)
}
