/** The members of responses that the commands read. `/openapi.json` describes all members. */

export interface Note {
  readonly messageId: string
  readonly text: string
  readonly recovery: string
}

export interface ExportState {
  readonly id: number
  readonly state: string
  readonly packagesDone: number
  readonly packagesTotal: number
  readonly bytesDone: number
  readonly bytesTotal: number
  readonly percent: number
  readonly archiveName: string
  readonly createdBy: string
  readonly createdAt: string
  readonly messages: readonly Note[]
}

export interface Sample {
  readonly count: number
  readonly fixids: readonly string[]
}

export interface Preflight {
  readonly packages: number
  readonly entries: number
  readonly bytes: number
  readonly missingPayloads: Sample
  readonly missingMembers: Sample
  readonly missingRequisites: Sample
  readonly freeBytes: number
  readonly reservedBytes: number
  readonly isShared: boolean
  readonly fits: boolean
}

export interface CatalogProblem {
  readonly path: string
  readonly code: string
  readonly text: string
}

export interface PackageSummary {
  readonly fixid: string
  readonly kind: string
  readonly name: string
  readonly version: string
  readonly buildNumber: string
  readonly category: string
  readonly severity: string
  readonly releaseDate: string
  readonly payloadState: string
  readonly size: number
  readonly machineTypes: readonly string[]
}

export interface PackageDetail extends PackageSummary {
  readonly description: string
  readonly updateType: string
  readonly rebootRequired: string
  readonly members: readonly string[]
  readonly requisites: readonly { readonly fixid: string; readonly kind: string }[]
  readonly files: readonly {
    readonly path: string
    readonly role: string
    readonly size: number
    readonly sha256: string
    readonly modifiedAt: string
  }[]
  readonly problems: readonly CatalogProblem[]
}

/** Response of the appliance's status call. */
export interface TaskStatus {
  readonly progress: number
  readonly state: string
  readonly message: string
  readonly downloadedsize: number
  readonly totalsize: number
  readonly total: number
  readonly errorMsg: {
    readonly messages: readonly {
      readonly id: string
      readonly text: string
      readonly recovery: { readonly text: string }
    }[]
  }
}

/** Bytes of the repository. */
export interface RepositorySize {
  readonly freeSpace: number
  readonly usedSpace: number
  readonly allotment: number
}
