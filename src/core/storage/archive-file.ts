/** Names of archives and of their parts, and the states of an archive. */

/**
 * `pending`: the archive is to be packed. `kept`: it is there. `gone`: it was there. `none`: it will never be.
 * `streamed`: it is generated from the repository for each download. Of the plans with one digest, at most one is
 * pending or kept.
 */
export type ArchiveState = 'pending' | 'kept' | 'gone' | 'none' | 'streamed'

export interface ArchiveFile {
  readonly fileName: string
  readonly archiveName: string
  /** Of a part: the token of the lease under which it is written; undefined for a finished archive. */
  readonly token: number | undefined
}

const OWN_NAME = /^(repository\d{14,20}\.zip)(?:\.(\d{1,15})\.part)?$/

/** `repository<YYYYMMDDhhmmss>.zip` in UTC; `serial` is the number of further archives in the same second. */
export function archiveName(time: Date, serial: number): string {
  const stamp = time.toISOString().replace(/\D/g, '').slice(0, 14)
  return `repository${stamp}${serial === 0 ? '' : String(serial).padStart(3, '0')}.zip`
}

/** @param archiveName or its path */
export function partName(archiveName: string, token: number): string {
  return `${archiveName}.${token}.part`
}

/** Undefined for a foreign file: one whose name this software does not give. */
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
