/** The part of a pino logger that the SSH door uses. */
export type ServerLog = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};
