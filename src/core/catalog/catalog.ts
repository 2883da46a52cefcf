/** The catalog, as its readers ask for it. */
import type { OpenFile } from '../storage/open-file.ts'
import type { CatalogProblem, PackageFile, PackageKind, PayloadState, Requisite } from './package.ts'

/** Which packages a listing is about. */
export interface PackageFilter {
  readonly kind?: PackageKind
  /** Only packages for one of these machine types. */
  readonly machineTypes?: readonly string[]
  /** Only the newest of each product line, and none that another package supersedes. */
  readonly latestOnly?: boolean
  /** A part of the fixid, the name or the category, in any case. */
  readonly search?: string
  /** Whether the payload is there, or there is none. */
  readonly isDownloaded?: boolean
}

/** A package as listings show it. */
export interface PackageSummary {
  readonly fixid: string
  readonly kind: PackageKind
  readonly name: string
  readonly version: string
  readonly buildNumber: string
  readonly category: string
  readonly description: string
  readonly severity: string
  readonly releaseDate: string
  readonly updateType: string
  readonly rebootRequired: string
  readonly payloadState: PayloadState
  /** Bytes of all its files. */
  readonly size: number
  readonly machineTypes: readonly string[]
  readonly members: readonly string[]
  readonly requisites: readonly Requisite[]
  /** By path. */
  readonly files: readonly PackageFile[]
}

/** A machine type that at least one package is for. */
export interface MachineTypeSummary {
  readonly type: string
  /** Empty where no package's metadata has a name. */
  readonly name: string
  /** The categories of its packages: `UEFI`, `XCC`, `Switches`. */
  readonly categories: readonly string[]
}

export interface PackageTotals {
  readonly packages: number
  /** Packages whose payload is here, or that have none. */
  readonly downloadedPackages: number
  readonly bytes: number
}

export interface CatalogReader {
  /** The packages that fit, by fixid, a page at a time. */
  packagePages(filter: PackageFilter): AsyncIterable<PackageSummary[]>
  /** At most `limit` of the packages that fit, by fixid, after the given one. */
  packagePage(filter: PackageFilter, after: string, limit: number): Promise<PackageSummary[]>
  findPackage(fixid: string): Promise<PackageSummary | undefined>
  /**
   * What is wrong with a package: with its files, with what describes it, with files that are named after it, and with
   * files that describe it too. By path, code and text.
   */
  problemsOf(fixid: string): Promise<CatalogProblem[]>
  /** By path, code and text, from behind those on. */
  problemPage(after: readonly string[], limit: number): Promise<CatalogProblem[]>
  packageTotals(filter: PackageFilter): Promise<PackageTotals>
  /** By type. */
  machineTypes(): Promise<MachineTypeSummary[]>
  /** Bytes of all files that belong to packages. */
  usedBytes(): Promise<number>
  /** When the repository was last read; undefined before the first time. */
  readAt(): Promise<Date | undefined>
}

/** The room the repository has. */
export interface RepositorySpace {
  readonly freeBytes: number
  readonly usedBytes: number
  readonly allotmentBytes: number
}

/** Opens the files of the catalog. */
export interface RepositoryFiles {
  /**
   * Opens a file if it has the size and the time that the catalog has of it.
   * @throws Problem FILE_GONE, FILE_CHANGED, REPOSITORY_UNAVAILABLE
   */
  open(file: Pick<PackageFile, 'path' | 'size' | 'sha256' | 'modifiedAt'>): Promise<OpenFile>
}
