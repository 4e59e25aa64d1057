//! Matrices: solving, factors, eigenvalues.

mod lu;
mod matrices;

use crate::ops::room;

room! {
    cholesky => Cholesky { cholesky };
    det => Det { det, slogdet };
    eigh => Eigh { eigh };
    qr => Qr { qr };
    solve => Solve { inv, lstsq, pinv, solve };
    svd => Svd { svd };
    triangular_solve => TriangularSolve { solve_triangular };
}
