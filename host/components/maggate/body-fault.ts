/** What is wrong with a body, answered like fastify's own errors about bodies. */
export class BodyFault extends Error {
  readonly code: string;
  readonly statusCode: number;

  private constructor(code: string, statusCode: number, message: string) {
    super(message);
    this.code = code;
    this.statusCode = statusCode;
  }

  static tooLarge(message: string): BodyFault {
    return new BodyFault('FST_ERR_CTP_BODY_TOO_LARGE', 413, message);
  }

  static wrongType(message: string): BodyFault {
    return new BodyFault('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415, message);
  }
}
