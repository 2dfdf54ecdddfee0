//! Which puzzles of a score were right: a bit for each, in the order of the split, the first one lowest in its byte.

use super::Error;
use hrm_types::ids::EvaluationId;
use sqlx::PgConnection;

/// Notes them, inside the transaction that stores the score.
pub(super) async fn create(connection: &mut PgConnection, id: EvaluationId, exact: &[bool]) -> Result<(), Error> {
    sqlx::query!("INSERT INTO evaluation_outcomes (evaluation_id, exact) VALUES ($1, $2)", id.0, packed(exact))
        .execute(connection)
        .await?;
    Ok(())
}

fn packed(bits: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| bits.iter().enumerate().fold(0, |byte, (i, &bit)| byte | u8::from(bit) << i);
    bits.chunks(8).map(byte).collect()
}

/// The first `n` of them.
pub(super) fn unpacked(bytes: &[u8], n: usize) -> Vec<bool> {
    bytes.iter().flat_map(|byte| (0..8).map(move |i| byte >> i & 1 == 1)).take(n).collect()
}

#[cfg(test)]
mod tests {
    use super::{packed, unpacked};

    #[test]
    fn bits_come_back() {
        for n in [0, 1, 7, 8, 9, 1_000] {
            let bits: Vec<bool> = (0..n).map(|i| i % 3 == 0 || i % 7 == 2).collect();
            let bytes = packed(&bits);
            assert_eq!(bytes.len(), bits.len().div_ceil(8));
            assert_eq!(unpacked(&bytes, bits.len()), bits);
        }
        assert_eq!(packed(&[true, false, true]), [0b101]);
    }
}
