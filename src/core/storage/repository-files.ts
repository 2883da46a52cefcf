/** The files of the repository, for those who read them one at a time. */

import type { PackageFile } from '../catalog/package.ts'
import type { OpenFile } from './open-file.ts'

export interface RepositoryFiles {
  /**
   * Opens a file of the catalog, as long as it is the one that the catalog knows: of the same size and time.
   * @throws Problem FILE_GONE, FILE_CHANGED, REPOSITORY_UNAVAILABLE
   */
  open(file: Pick<PackageFile, 'path' | 'size' | 'sha256' | 'modifiedAt'>): Promise<OpenFile>
}
