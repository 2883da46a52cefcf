/** What is taken out of the repository. */
import type { FileScope } from './package.ts'

export interface DeletionRequest {
  /**
   * The packages, by fixid; a system pack stands for its members too, but for those that another one has. Or all that
   * nothing needs: replaced by a newer package, and neither a member of a system pack, nor required by another package,
   * nor needed by an export.
   */
  readonly what: { readonly fixids: readonly string[] } | 'unused'
  /** `payloads` keeps what describes the packages: they are not downloaded then. */
  readonly scope: FileScope
  /** Only says what would go. */
  readonly isDryRun: boolean
  readonly requestedBy: string
}

export interface Deletion {
  /** The fixids of the packages that have gone, or would go. */
  readonly fixids: readonly string[]
  readonly fileCount: number
  readonly bytes: number
  /** The task that reads the repository afterwards; undefined for a dry run. */
  readonly taskId: number | undefined
}

/** Files that were moved out of the way: `commit` removes them permanently, `rollback` restores them. */
export interface StagedDeletion {
  /** Never throws: files that cannot be removed now are removed at the next start. */
  commit(): void
  rollback(): void
}
