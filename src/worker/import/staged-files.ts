/** The files that an import adds, and the order in which the repository changes. */
import type { ImportChange } from '../../core/import/import.ts'
import { quoteName } from '../../core/import/upload-name.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { ComparedFile } from '../../store/imports/import-catalog.ts'

export interface StagedFile {
  readonly file: ComparedFile
  /** Its future path in the repository. */
  readonly path: string
}

/** The files that the import adds to the repository, by their future paths. */
export function createStagedFiles() {
  const byPath = new Map<string, StagedFile>()
  const bySource = new Map<string, string>()
  return {
    byPath,
    /**
     * @throws Problem IMPORT_REFUSED when two files have the same future path, IMPORT_CONFLICT when one has two
     */
    add(file: StagedFile): void {
      const other = byPath.get(file.path)
      if (other !== undefined && other.file.sha256 !== file.file.sha256) {
        throw new Problem('IMPORT_REFUSED', `The file ${quoteName(file.path)} is there twice, with different content.`)
      }
      const target = bySource.get(file.file.path)
      if (target !== undefined && target !== file.path) {
        throw importConflict(
          `The packages of ${quoteName(file.file.path)} lie in different directories of the repository.`
        )
      }
      if (other !== undefined) return
      byPath.set(file.path, file)
      bySource.set(file.file.path, file.path)
    }
  }
}

/** Metadata comes last: a package whose metadata exists is complete. */
export function changesInOrder(staged: ReadonlyMap<string, StagedFile>, removed: readonly string[]): ImportChange[] {
  const files = [...staged.values()].sort((left, right) => (left.path < right.path ? -1 : 1))
  const isMetadata = ({ file }: StagedFile) => file.role === 'metadata'
  return [
    ...removed.map((gone) => ({ path: gone, staged: undefined })),
    ...[...files.filter((file) => !isMetadata(file)), ...files.filter(isMetadata)].map(({ file, path: target }) => ({
      path: target,
      staged: file.path
    }))
  ]
}

export function importConflict(text: string): Problem {
  return new Problem('IMPORT_CONFLICT', text)
}
