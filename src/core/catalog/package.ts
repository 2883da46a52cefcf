/** The words of the catalog: packages, their files, and what is wrong with either. */

export type FileRole = 'payload' | 'metadata' | 'readme' | 'change-history' | 'other'

/** The order in which a package's files stand in an archive. */
export const FILE_ROLES: readonly FileRole[] = ['payload', 'metadata', 'readme', 'change-history', 'other']

/** `all`: payload, metadata, readme, change history and the rest. `payloads`: the payload files only. */
export type FileScope = 'all' | 'payloads'

/** `update` is firmware, a driver or a utility; `system-pack` stands for its member packages. */
export type PackageKind = 'update' | 'system-pack'

/**
 * `classic`: flat files that share the fixid, described by XML. `v3`: JSON metadata, as one .zip or unpacked.
 * `v3-bundle`: the JSON index of many V3 packages.
 */
export type PackageForm = 'classic' | 'v3' | 'v3-bundle'

/**
 * `missing`: the metadata is here, the payload is not; the package counts as *not downloaded*, which is a normal state.
 * `none`: the package has no payload of its own, as a system pack.
 */
export type PayloadState = 'present' | 'missing' | 'none'

export interface MachineType {
  /** Four characters, such as `7X05`. */
  readonly type: string
  /** Name of the machine, empty where the metadata gives none. */
  readonly name: string
}

/** `prerequisite` and `corequisite` must be installed too; a `superseded` package is replaced by this one. */
export type RequisiteKind = 'prerequisite' | 'corequisite' | 'superseded'

export interface Requisite {
  readonly fixid: string
  readonly kind: RequisiteKind
}

/**
 * `listed`: the pack's metadata says that it is a member. `candidate`: it stands in a list whose meaning is not known,
 * and is a member if the repository has a package of this fixid. `parent`: a V3 bundle names it as a parent of its
 * components; a member if it is there.
 */
export type MemberKind = 'listed' | 'candidate' | 'parent'

export interface Member {
  readonly fixid: string
  readonly kind: MemberKind
}

/** A payload file that metadata names, with what the metadata promises of it. */
export interface NamedPayload {
  /** Path relative to the metadata file, as written there; not yet checked. */
  readonly name: string
  readonly size?: number
  /** Lower-case hex. */
  readonly sha256?: string
}

/** What a metadata file says of one package, whatever its format. */
export interface PackageDescription {
  readonly fixid: string
  readonly kind: PackageKind
  readonly form: PackageForm
  readonly name: string
  /** The comparable version, such as `3.08`. */
  readonly version: string
  readonly buildNumber: string
  /** The component that is updated, such as `UEFI`. */
  readonly category: string
  readonly vendor: string
  readonly description: string
  readonly severity: string
  /** As the metadata has it, normally `YYYY-MM-DD`. */
  readonly releaseDate: string
  readonly updateType: string
  readonly rebootRequired: string
  readonly machineTypes: readonly MachineType[]
  readonly operatingSystems: readonly string[]
  /** Names what the package updates, without its version: packages of one family replace each other. May be empty. */
  readonly family: string
  readonly members: readonly Member[]
  readonly requisites: readonly Requisite[]
  readonly payloads: readonly NamedPayload[]
  /** Further files the metadata names, relative to it: readme, change history, inventories. */
  readonly companions: readonly string[]
  /** All other properties, by name. */
  readonly properties: Readonly<Record<string, readonly string[]>>
}

/** A file of the repository as the catalog knows it. */
export interface PackageFile {
  /** Relative to the repository root, with `/`. */
  readonly path: string
  readonly role: FileRole
  readonly size: number
  /** Unsigned. */
  readonly crc32: number
  /** Lower-case hex. */
  readonly sha256: string
  /** Whole seconds since 1970 UTC. */
  readonly modifiedAt: number
}

/** A package with its files, as the catalog keeps it. */
export interface Package extends PackageDescription {
  readonly payloadState: PayloadState
  readonly files: readonly PackageFile[]
}

const catalogProblems = {
  'broken-metadata': 'The metadata cannot be read',
  'not-metadata': 'The file is not package metadata',
  'metadata-too-large': 'The metadata is larger than is accepted',
  'unsafe-metadata': 'The metadata has a document type declaration',
  'orphan-file': 'The file belongs to no package',
  'partial-download': 'The file is a download that was not finished',
  'duplicate-fixid': 'Another file describes a package with the same fixid',
  'unsafe-payload-path': 'The metadata names a payload outside of its directory',
  'empty-payload': 'The payload has no content',
  'size-mismatch': 'The payload has another size than the metadata says',
  'digest-mismatch': 'The payload has another SHA-256 than the metadata says',
  'missing-member': 'The system pack lists a package that is not in the repository',
  'link-outside': 'The symbolic link leaves the repository',
  'link-to-directory': 'A symbolic link to a directory is not followed',
  'broken-link': 'The symbolic link leads nowhere',
  'special-file': 'Neither a file nor a directory',
  'unsafe-name': 'The name cannot be used in an archive',
  unreadable: 'The file or directory cannot be read'
} as const

export type CatalogProblemCode = keyof typeof catalogProblems

/** Something in the repository that an operator should look at; it never stops a scan. */
export interface CatalogProblem {
  readonly code: CatalogProblemCode
  /** Relative to the repository root. */
  readonly path: string
  /** A sentence with the particulars. */
  readonly text: string
}

/** A problem with its standard sentence, and the particulars behind it. */
export function catalogProblem(code: CatalogProblemCode, path: string, detail = ''): CatalogProblem {
  return { code, path, text: detail === '' ? `${catalogProblems[code]}.` : `${catalogProblems[code]}: ${detail}` }
}

/**
 * Of two files that describe a package with the same fixid the catalog has one. Every such text begins as that without
 * a winner.
 */
export function duplicateFixid(loser: string, fixid: string, winner: string): CatalogProblem {
  return catalogProblem('duplicate-fixid', loser, `${fixid} is taken from ${winner}`)
}
