import type { CatalogProblemCode } from '../core/catalog/package.ts'

/** A metadata file that cannot be used; the catalog reports it with this code and reason. */
export class MetadataError extends Error {
  readonly code: CatalogProblemCode

  constructor(code: CatalogProblemCode, reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.name = 'MetadataError'
    this.code = code
  }
}
