/** The operations of an OpenAPI description, in the form that the fuzzer uses. */
import type { OpenApi } from '../../support/api/answer-checker.ts'
import type { Schema } from './values.ts'

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header' | 'cookie'
  readonly required?: boolean
  readonly schema: Schema
}

export interface Operation {
  readonly operationId: string
  readonly method: string
  readonly path: string
  readonly parameters: readonly Parameter[]
  /** By content type. */
  readonly bodies: Readonly<Record<string, Schema>>
}

interface Described {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}

export function operationsOf(description: OpenApi): Operation[] {
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods as unknown as Record<string, Described>).map(([method, described]) => {
      const content = Object.entries(described.requestBody?.content ?? {})
      return {
        operationId: described.operationId,
        method: method.toUpperCase(),
        path,
        parameters: described.parameters ?? [],
        bodies: Object.fromEntries(content.map(([type, { schema }]) => [type, schema]))
      }
    })
  )
}

/** Follows references into `components`. */
export function resolverOf(description: OpenApi): (schema: Schema) => Schema {
  return (schema) => {
    const name = schema.$ref?.split('/').at(-1)
    return name === undefined ? schema : ((description.components?.schemas?.[name] ?? {}) as Schema)
  }
}
